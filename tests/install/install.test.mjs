// One process for all of them: they share the packed package, the project that it is installed in, and a browser.
import './package.mjs';
import './readme.mjs';
import './examples.mjs';
