// One process for all of them: they share the packed package, the project that it is installed in, and a browser.
import './package.mjs';
import './bundlers.mjs';
import './frameworks.mjs';
import './readme.mjs';
import './examples.mjs';

if (process.env.MILLRACE_PACKAGE === 'all') await import('./servers.mjs');
