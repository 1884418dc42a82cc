// Counts out of what the test frameworks report. A skipped test counts as failed: the promise is that every test runs.
// A report that is cut short, or an exit code that disagrees with it, adds a failure.

function settle(passed, failed, code, what) {
  if (code !== 0 && failed === 0) return { passed, failed: 1, problem: `${what} ended with ${code} and no failed test` };
  if (passed + failed === 0) return { passed, failed: 1, problem: `${what} ran no test` };
  return { passed, failed, problem: '' };
}

/** Catch2's XML reporter. */
export function readCatchReport(xml, code) {
  const cases = /<OverallResultsCases\s+successes="(\d+)"\s+failures="(\d+)"\s+expectedFailures="(\d+)"\s+skips="(\d+)"/.exec(xml);
  if (cases !== null) {
    const [passed, failures, expected, skips] = cases.slice(1).map(Number);
    return settle(passed, failures + expected + skips, code, 'Catch2');
  }
  // It crashed: what had ended by then counts, and the crash is the failure.
  const ended = [...xml.matchAll(/<OverallResult success="(true|false)"/g)].map((match) => match[1]);
  return {
    passed: ended.filter((result) => result === 'true').length,
    failed: ended.filter((result) => result === 'false').length + 1,
    problem: `Catch2 ended with ${code} in the middle of a test`,
  };
}

/** `node --test --test-reporter=tap`: the totals at the end. */
export function readTapReport(tap, code) {
  const total = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
  return settle(total('pass'), total('fail') + total('cancelled') + total('skipped') + total('todo'), code, 'node --test');
}

/** Playwright's JSON reporter. A test that passes only at the second attempt has failed. */
export function readPlaywrightReport(json, code) {
  let stats;
  try {
    stats = JSON.parse(json).stats;
  } catch {
    return { passed: 0, failed: 1, problem: `Playwright ended with ${code} and no report` };
  }
  return settle(stats.expected, stats.unexpected + stats.flaky + stats.skipped, code, 'Playwright');
}
