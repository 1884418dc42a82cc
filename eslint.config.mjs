// The lint rules; `npm run lint` and the suite `types` apply them. A comment gives the reason for each recommended rule that is
// off or weaker.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const root = import.meta.dirname;
const folders = ['web', 'e2e', 'scripts', 'examples', 'tests/node', 'tests/field', 'tests/install', 'tests/nat'];

/**
 * The digest of all that types depend on. With `--cache`, ESLint skips an unchanged file, but a change of types elsewhere can
 * break a rule in it. As part of the configuration, the digest makes ESLint check every file after any change.
 */
function digestOfSources() {
  const sources = folders.flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, name)));
  const others = readdirSync(root).filter((name) => /^tsconfig.*\.json$|^package-lock\.json$/.test(name));
  const hash = createHash('sha256');
  for (const file of [...sources.filter((name) => /\.(ts|js|mjs)$/.test(name)).sort(), ...others]) {
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

// An underscore marks a parameter that a signature requires, and a property that is left out of a rest.
const unusedVariables = { argsIgnorePattern: '^_', varsIgnorePattern: '^_' };

// These rules need types, and find faults in JavaScript, too.
const promiseRules = {
  '@typescript-eslint/no-floating-promises': [
    'error',
    // The test runner waits for its tests.
    { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['describe', 'test', 'after'] }] },
  ],
  '@typescript-eslint/no-misused-promises': 'error',
};

export default defineConfig(
  // old.js is for browsers that cannot read modern JavaScript. tsc checks the users of the package, after it has written what these import.
  { ignores: ['build/', 'dist/', 'web/site/old.js', 'scripts/lib/consumer.ts', 'scripts/lib/consumer_events.ts'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' }, settings: { sources: digestOfSources() } },
  js.configs.recommended,
  {
    files: ['**/*.{ts,js,mjs}'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: {
        project: ['tsconfig.web.json', 'tsconfig.worker.json', 'tsconfig.node.json', 'tsconfig.lint.json'],
        tsconfigRootDir: root,
      },
    },
    rules: {
      ...promiseRules,
      eqeqeq: 'error',
      'no-unused-vars': ['error', unusedVariables],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      quotes: ['error', 'single', { avoidEscape: true, allowTemplateLiterals: true }],
      semi: 'error',
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    rules: {
      ...promiseRules,
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'default', format: ['camelCase'] },
        // Variables that hold a class have the name of a class; units such as MiB keep their spelling.
        { selector: ['variable', 'parameter'], format: ['camelCase', 'PascalCase'], leadingUnderscore: 'allow' },
        { selector: 'variable', modifiers: ['const', 'global'], format: ['camelCase', 'PascalCase', 'UPPER_CASE'], leadingUnderscore: 'allow' },
        { selector: 'typeLike', format: ['PascalCase'] },
        // Others choose the names of modules, headers, environment variables and fields of messages.
        { selector: ['import', 'objectLiteralProperty', 'objectLiteralMethod', 'typeProperty'], format: null },
      ],
      // Options whose type comes from their shapes have a name of their own in the reference.
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
      '@typescript-eslint/no-unused-vars': ['error', unusedVariables],
      // A caught value is passed on unchanged, and a stream or a signal can abort with any value.
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
      // In an `async` method, an exception becomes the rejection that the interface promises.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  // The names are those of libsodium-wrappers.
  { files: ['web/sodium/**/*.ts'], rules: { '@typescript-eslint/naming-convention': 'off' } },
  { files: ['**/*.mjs'], languageOptions: { globals: globals.node } },
  // Some functions of these programs run in a page.
  { files: ['**/*.js', 'scripts/lib/endless.mjs', 'tests/install/*.mjs'], languageOptions: { globals: globals.browser } },
  // Playwright requires `{}` as the first parameter of a function that uses no fixtures.
  { files: ['e2e/**/*.ts'], rules: { 'no-empty-pattern': 'off' } },
);
