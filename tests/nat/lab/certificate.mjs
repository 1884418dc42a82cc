// A certificate authority for one run, and the certificate of its servers.
import { createHash, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SITE_NAME, TURN_NAME } from './addresses.mjs';
import { run } from './command.mjs';

/**
 * @typedef {object} Certificate
 * @property {string} authority File of the authority's certificate.
 * @property {string} certificate @property {string} key Files.
 * @property {string} keyHash SHA-256 of the servers' public key, base64, as Chromium names keys that it trusts.
 */

/** @param {string} folder Where the files go. @returns {Promise<Certificate>} */
export async function makeCertificate(folder) {
  const path = (/** @type {string} */ name) => join(folder, name);
  const days = ['-days', '2'];
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-subj', '/CN=Millrace laboratory', ...days,
    '-keyout', path('authority.key'), '-out', path('authority.pem')]);
  await run('openssl', ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-subj', '/CN=millrace.test',
    '-keyout', path('server.key'), '-out', path('server.csr')]);
  const names = [SITE_NAME, TURN_NAME].map((name) => `DNS:${name}`);
  await writeFile(path('extensions'), `subjectAltName=${names.join(',')}\nextendedKeyUsage=serverAuth\n`);
  await run('openssl', ['x509', '-req', '-in', path('server.csr'), '-CA', path('authority.pem'), '-CAkey', path('authority.key'), '-CAcreateserial', ...days,
    '-extfile', path('extensions'), '-out', path('server.pem')]);
  const { publicKey } = new X509Certificate(await readFile(path('server.pem')));
  const keyHash = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  return { authority: path('authority.pem'), certificate: path('server.pem'), key: path('server.key'), keyHash };
}
