// Why a connection does not come up: what browsers report meanwhile, and the reason that follows. The candidates and errors are
// those that Chromium 156 and Firefox 153 reported, with host addresses hidden as they are by default.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { ConnectionDiary, diagnose, EMPTY_RECORD, MillraceError, parseCandidate, withDetail } = await bundle(`
  export { ConnectionDiary, EMPTY_RECORD } from './rtc/connection_diary.ts';
  export { diagnose } from './rtc/diagnose.ts';
  export { parseCandidate } from './rtc/candidate.ts';
  export { MillraceError, withDetail } from './api/errors.ts';
`);

const stun = ['stun:stun.example.org', 'stun:stun.example.net:3478'];
const turn = 'turn:turn.example.org:3478?transport=udp';
const turnTcp = 'turn:turn.example.org:3478?transport=tcp';

/** What a browser finds without any server. */
const hosts = {
  chromium: [
    { candidate: 'candidate:3875371896 1 udp 2113937151 ac6703b3-d5d2-432d-903d-a65904daec5d.local 56996 typ host generation 0 ufrag BCF+ network-cost 999', url: '' },
    { candidate: 'candidate:765180568 1 udp 2113942271 9a68525c-1132-4a95-b476-30ba869e7753.local 35679 typ host generation 0 ufrag BCF+ network-cost 999', url: '' },
  ],
  firefox: [
    { candidate: 'candidate:0 1 UDP 2122187007 e82a9f1c-cf65-46ef-98b0-7868e3e2aae8.local 40921 typ host' },
    { candidate: 'candidate:2 1 TCP 2105458943 e82a9f1c-cf65-46ef-98b0-7868e3e2aae8.local 9 typ host tcptype active' },
    { candidate: '' },
  ],
};

/** The address that a STUN server sees. */
function mapped(browser, port, { url = stun[0], address = '198.51.100.7' } = {}) {
  return browser === 'chromium'
    ? { candidate: `candidate:919222493 1 udp 1677729535 ${address} ${port} typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag hA3O network-cost 999`, url }
    : { candidate: `candidate:${port} 1 UDP 1685987327 ${address} ${port} typ srflx raddr 0.0.0.0 rport 0` };
}

function relayed(browser, relayProtocol = 'udp') {
  return browser === 'chromium'
    ? { candidate: 'candidate:1797656238 1 udp 16785407 203.0.113.9 61059 typ relay raddr 0.0.0.0 rport 0 generation 0', url: relayProtocol === 'udp' ? turn : turnTcp, relayProtocol }
    : { candidate: 'candidate:0 1 UDP 8265727 203.0.113.9 58779 typ relay raddr 203.0.113.9 rport 58779' };
}

/** An error of a server, as each browser writes its address. */
function serverError(browser, url, errorCode) {
  return { url: browser === 'firefox' ? url.replace('?transport=udp', '') : url, errorCode, errorText: errorCode === 401 && browser === 'chromium' ? 'Unauthorized.' : '' };
}

class Connection extends EventTarget {
  iceConnectionState = 'new';
  iceGatheringState = 'new';
  connectionState = 'new';
  onicecandidateerror = null;

  constructor(servers, relayOnly) {
    super();
    this.configuration = { iceServers: servers.map((url) => ({ urls: url })), iceTransportPolicy: relayOnly ? 'relay' : 'all' };
  }

  getConfiguration() {
    return this.configuration;
  }

  fire(type, fields = {}) {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }

  become(states) {
    Object.assign(this, states);
    for (const name of ['icegatheringstatechange', 'iceconnectionstatechange', 'connectionstatechange']) this.fire(name);
  }
}

/**
 * The record of an attempt of 12 s. `remote`: the other side's candidates; null: its description did not arrive. `more`: of the
 * record, which nothing else decides.
 */
function recordOf({ servers = [], relayOnly = false, local = [], errors = [], remote = [], gathered = true, states = ['checking', 'failed'], signalingDown = false, more = {} }) {
  const diary = new ConnectionDiary();
  const connection = new Connection(servers, relayOnly);
  diary.watch(connection);
  connection.become({ iceGatheringState: 'gathering' });
  if (remote) diary.hear({ type: 'description', kind: 'answer', sdp: 'v=0\r\n' });
  for (const candidate of local) connection.fire('icecandidate', { candidate });
  for (const error of errors) connection.fire('icecandidateerror', error);
  if (gathered) connection.become({ iceGatheringState: 'complete' });
  connection.fire('icecandidate', { candidate: null });
  for (const { candidate } of remote ?? []) diary.hear({ type: 'candidate', candidate, sdpMid: '0', sdpMLineIndex: 0 });
  for (const state of states) connection.become({ iceConnectionState: state });
  return { ...diary.record(signalingDown), ageMs: 12_000, ...more };
}

function verdictOf(attempt) {
  const { reason, side, advice } = diagnose(recordOf(attempt));
  // One or two sentences for people: no codes of programs, no addresses.
  assert.match(advice, /^[A-Z].*[.]$/);
  assert.doesNotMatch(advice, /\d+\.\d+\.\d+|rtc\.|undefined/);
  return `${reason} ${side}`;
}

for (const browser of ['chromium', 'firefox']) {
  const other = browser === 'chromium' ? 'firefox' : 'chromium';
  const own = hosts[browser];
  const there = [...hosts[other], mapped(other, 40_001, { address: '198.51.100.99' })];

  test(`${browser}: the relay refuses`, () => {
    for (const relayOnly of [true, false]) {
      for (const code of [401, 403, 437, 441, 486, 508, 65_535]) {
        const attempt = { servers: [turn], relayOnly, local: relayOnly ? [] : own, errors: [serverError(browser, turn, code)], remote: there };
        assert.equal(verdictOf(attempt), 'relay-refused here', code);
        const { advice, servers } = diagnose(recordOf(attempt));
        assert.match(advice, code === 486 || code === 508 ? /no room/ : /refused/);
        assert.equal(advice.includes(`(${code})`), code !== 65_535, 'a code that means nothing is left out');
        assert.equal(servers[0].state, 'refused');
        assert.equal(servers[0].errors[0].code, code);
      }
    }
  });

  test(`${browser}: a server that refuses one transport and takes another one is no obstacle`, () => {
    const attempt = { servers: [turn, turnTcp], local: [...own, relayed(browser, 'tcp')], errors: [serverError(browser, turn, 486)], remote: there };
    assert.equal(verdictOf(attempt), 'peer-unreachable there');
  });

  test(`${browser}: no relay answers, or there is none`, () => {
    const near = [...own, mapped(browser, 50_000)];
    assert.equal(verdictOf({ servers: stun, local: near, remote: there }), 'no-relay unknown');
    assert.match(diagnose(recordOf({ servers: stun, local: near, remote: there })).advice, /there is no relay/);
    const silent = { servers: [...stun, turn], local: near, errors: [serverError(browser, turn, 701)], remote: there };
    assert.equal(verdictOf(silent), 'no-relay unknown');
    assert.match(diagnose(recordOf(silent)).advice, /does not answer/);
    assert.equal(verdictOf({ servers: [], local: own, remote: hosts[other] }), 'no-relay unknown');
    // Only a relay is allowed. Chromium never reports the silence of a server within the time of an attempt.
    assert.equal(verdictOf({ servers: [turn], relayOnly: true, gathered: false, states: [], remote: there }), 'no-relay unknown');
  });

  test(`${browser}: one network that keeps its devices apart`, () => {
    const near = [...own, mapped(browser, 50_000)];
    const attempt = { servers: stun, local: near, remote: [...hosts[other], mapped(other, 40_001)] };
    assert.equal(verdictOf(attempt), 'no-relay unknown');
    assert.match(diagnose(recordOf(attempt)).advice, /one network/);
  });

  test(`${browser}: no UDP`, () => {
    assert.equal(verdictOf({ servers: stun, local: own, gathered: false, remote: there }), 'no-udp here');
    assert.equal(verdictOf({ servers: stun, local: own, errors: stun.map((url) => serverError(browser, url, 701)), remote: there }), 'no-udp here');
    // The relay would take UDP only.
    assert.equal(verdictOf({ servers: [turn], local: own, errors: [serverError(browser, turn, 701)], remote: there }), 'no-udp here');
    // A name that is unknown says nothing about UDP: this may be a network without the internet.
    const unknown = stun.map((url) => ({ ...serverError(browser, url, 701), errorText: 'STUN host lookup received error.' }));
    assert.equal(verdictOf({ servers: stun, local: own, errors: unknown, remote: hosts[other] }), 'no-relay unknown');
  });

  test(`${browser}: the other side's network lets no UDP out`, () => {
    assert.equal(verdictOf({ servers: stun, local: [...own, mapped(browser, 50_000)], remote: hosts[other] }), 'peer-unreachable there');
    // It needs no STUN server.
    const open = [{ candidate: 'candidate:1 1 udp 2113937151 198.51.100.20 56996 typ host' }];
    assert.equal(verdictOf({ servers: stun, local: [...own, mapped(browser, 50_000)], remote: open }), 'no-relay unknown');
  });

  test(`${browser}: symmetric NAT, here or there`, () => {
    const varying = (name) => [...hosts[name], mapped(name, 50_000), mapped(name, 50_001, { url: stun[1] })];
    assert.equal(verdictOf({ servers: stun, local: varying(browser), remote: there }), 'symmetric-nat here');
    assert.equal(verdictOf({ servers: stun, local: [...own, mapped(browser, 50_000)], remote: varying(other) }), 'symmetric-nat there');
    // One mapping for each of two sockets is no such NAT.
    const sockets = [
      { candidate: 'candidate:1 1 udp 2113937151 192.168.0.2 1111 typ host' },
      { candidate: 'candidate:2 1 udp 2113937150 192.168.1.2 2222 typ host' },
      { candidate: 'candidate:3 1 udp 1677729535 198.51.100.7 50000 typ srflx raddr 192.168.0.2 rport 1111' },
      { candidate: 'candidate:4 1 udp 1677729534 198.51.100.7 50001 typ srflx raddr 192.168.1.2 rport 2222' },
    ];
    assert.equal(verdictOf({ servers: stun, local: sockets, remote: there }), 'no-relay unknown');
    assert.equal(verdictOf({ servers: stun, local: [...sockets, { candidate: 'candidate:5 1 udp 1677729533 198.51.100.7 50002 typ srflx raddr 192.168.1.2 rport 2222' }], remote: there }), 'symmetric-nat here');
    // With a relay, it is no obstacle.
    assert.equal(verdictOf({ servers: [...stun, turn], local: [...varying(browser), relayed(browser)], remote: there }), 'peer-unreachable there');
  });

  test(`${browser}: the browser blocks, or the device has no network`, () => {
    assert.equal(verdictOf({ servers: stun, local: [], remote: there }), 'blocked-by-browser here');
    // Firefox does not begin to look for candidates where its settings allow a proxy only.
    assert.equal(verdictOf({ servers: stun, local: [], gathered: false, states: ['failed'], remote: there }), 'blocked-by-browser here');
    const tcp = [{ candidate: 'candidate:2 1 TCP 2105458943 0ae1b5c0-a27d-4d4b-9b5d-2f3d8d9d3f11.local 9 typ host tcptype active' }];
    assert.equal(verdictOf({ servers: stun, local: tcp, remote: there }), 'blocked-by-browser here');
    assert.equal(verdictOf({ servers: stun, local: [], remote: there, more: { online: false } }), 'no-candidates here');
    const denied = { servers: [], local: own, remote: hosts[other], more: { localNetwork: 'denied' } };
    assert.equal(verdictOf(denied), 'blocked-by-browser here');
    assert.match(diagnose(recordOf(denied)).advice, /local network/);
    assert.equal(verdictOf({ ...denied, more: { localNetwork: 'prompt' } }), 'no-relay unknown');
  });

  test(`${browser}: the other side does not answer`, () => {
    assert.equal(verdictOf({ servers: stun, local: [...own, mapped(browser, 50_000)], remote: null, states: [] }), 'peer-unreachable there');
    assert.equal(verdictOf({ servers: stun, local: [...own, mapped(browser, 50_000)], remote: [] }), 'peer-unreachable there');
    assert.equal(verdictOf({ servers: [turn], local: [...own, relayed(browser)], remote: there }), 'peer-unreachable there');
    assert.equal(verdictOf({ servers: stun, local: own, remote: there, states: ['checking', 'connected'] }), 'peer-unreachable unknown');
  });

  test(`${browser}: the signalling comes first`, () => {
    assert.equal(verdictOf({ servers: stun, local: own, remote: null, signalingDown: true }), 'signaling-down here');
  });

  test(`${browser}: a report counts candidates and contains no address`, () => {
    const report = diagnose(recordOf({ servers: [...stun, turn], local: [...own, mapped(browser, 50_000), relayed(browser)], remote: there }));
    const { local, remote } = report.candidates;
    assert.deepEqual(local.filter(({ type }) => type === 'srflx'), [{ type: 'srflx', protocol: 'udp', family: 4, count: 1 }]);
    assert.equal(local.find(({ type }) => type === 'relay').relayProtocol, browser === 'chromium' ? 'udp' : undefined);
    assert.equal(local.find(({ type, protocol }) => type === 'host' && protocol === 'udp').family, undefined);
    assert.equal(remote.find(({ type, protocol }) => type === 'host' && protocol === 'udp').count, other === 'chromium' ? 2 : 1);
    assert.deepEqual(report.states, ['checking', 'failed']);
    // Of two STUN servers that see the same address, Chromium names one.
    assert.deepEqual(report.servers.map(({ state }) => state), ['answered', 'answered', 'answered']);
    assert.doesNotMatch(JSON.stringify(report), /198\.51\.100|203\.0\.113|\.local/);
    assert.deepEqual(JSON.parse(JSON.stringify(report)).reason, report.reason);
  });
}

test('an ICE restart has new sockets: its candidates are not compared with the earlier ones', () => {
  const diary = new ConnectionDiary();
  const connection = new Connection(stun, false);
  diary.watch(connection);
  for (const port of [50_000, 50_001]) {
    connection.become({ iceGatheringState: 'gathering' });
    for (const candidate of [...hosts.chromium, mapped('chromium', port)]) connection.fire('icecandidate', { candidate });
    connection.become({ iceGatheringState: 'complete' });
  }
  assert.equal(diary.record(false).local.length, 3);
  diary.watch(new Connection([], false));
  connection.fire('icecandidate', { candidate: mapped('chromium', 1) });
  assert.deepEqual(diary.record(false).local, []);
});

test('the time for a path ends 12 s after the descriptions, later where candidates still come, and never once there is one', (context) => {
  let now = 100_000;
  context.mock.method(performance, 'now', () => now);
  const diary = new ConnectionDiary();
  const connection = new Connection([], false);
  diary.watch(connection);
  const find = () => connection.fire('icecandidate', { candidate: hosts.chromium[0] });
  find();
  assert.equal(diary.deadline, Infinity);
  diary.hear({ type: 'description', kind: 'offer', sdp: 'v=0\r\n' });
  assert.equal(diary.deadline, 112_000);
  now = 108_000;
  find();
  assert.equal(diary.deadline, 113_000);
  now = 111_900;
  diary.hear({ type: 'candidate', candidate: hosts.firefox[0].candidate, sdpMid: '0', sdpMLineIndex: 0 });
  assert.equal(diary.deadline, 113_500);
  connection.become({ iceConnectionState: 'connected' });
  assert.equal(diary.deadline, Infinity);
  // A path that breaks again is a matter of the handshake's time.
  connection.become({ iceConnectionState: 'disconnected' });
  assert.equal(diary.deadline, Infinity);
});

test('without any candidate of this side, the time for a path ends soon', (context) => {
  let now = 100_000;
  context.mock.method(performance, 'now', () => now);
  const diary = new ConnectionDiary();
  const connection = new Connection([turn], true);
  diary.watch(connection);
  connection.become({ iceGatheringState: 'gathering' });
  diary.hear({ type: 'description', kind: 'offer', sdp: 'v=0\r\n' });
  assert.equal(diary.deadline, 112_000);
  now = 101_000;
  connection.become({ iceGatheringState: 'complete' });
  assert.equal(diary.deadline, 103_000);
});

test('the candidates in a description count, too, and so do those that overtake the first one', () => {
  const diary = new ConnectionDiary();
  const trickle = (candidate) => diary.hear({ type: 'candidate', candidate, sdpMid: '0', sdpMLineIndex: 0 });
  trickle(mapped('firefox', 40_001).candidate);
  diary.hear({ type: 'description', kind: 'offer', sdp: `v=0\r\na=${hosts.chromium[0].candidate}\r\na=candidate:broken\r\na=${relayed('firefox').candidate}\r\n` });
  assert.deepEqual(diary.record(false).remote.map(({ type }) => type), ['srflx', 'host', 'relay']);
  diary.hear({ type: 'description', kind: 'offer', sdp: 'v=0\r\n' });
  assert.deepEqual(diary.record(false).remote, []);
});

test('a candidate is read as the browsers write it, and invalid ones are not', () => {
  const found = parseCandidate(`a=${mapped('chromium', 50_000).candidate}`, { url: stun[0], relayProtocol: null });
  assert.deepEqual(found, {
    type: 'srflx', protocol: 'udp', address: '198.51.100.7', port: 50_000, foundation: '919222493', base: undefined, url: stun[0], relayProtocol: undefined,
  });
  assert.equal(parseCandidate('candidate:4 1 UDP 1 198.51.100.7 50001 typ srflx raddr fd00::2 rport 2222').base, 'fd00::2 2222');
  for (const text of ['', 'candidate:', 'candidate:1 1 udp 1 1.2.3.4 99999 typ host', 'candidate:1 1 sctp 1 1.2.3.4 9 typ host', 'candidate:1 1 udp 1 1.2.3.4 9 typ constructor', 'x'.repeat(100_000)]) {
    assert.equal(parseCandidate(text), undefined, text.slice(0, 60));
  }
});

test('nothing that the other side or a browser says makes the diagnosis throw', () => {
  const weird = ['', ' ', 'candidate:1 1 udp 1 :: 0 typ srflx raddr rport', 'candidate:__proto__ 1 udp 1 __proto__ 1 typ host', `candidate:${'9'.repeat(5_000)}`, '\0\n'];
  const diary = new ConnectionDiary();
  const connection = new Connection(['', 'stun:', 'turn:[', 'http://x', stun[0]], true);
  diary.watch(connection);
  connection.getConfiguration = () => ({ iceServers: [{ urls: ['stun:[::1]', 'nonsense'] }, { urls: '' }] });
  for (const candidate of weird) {
    connection.fire('icecandidate', { candidate: { candidate, url: 7, relayProtocol: {} } });
    diary.hear({ type: 'candidate', candidate, sdpMid: null, sdpMLineIndex: null });
    diary.hear({ type: 'description', kind: 'offer', sdp: `a=${candidate}\r\n` });
  }
  for (const fields of [{}, { url: null, errorCode: null, errorText: null }, { url: 'stun:[::1]', errorCode: Number.NaN, errorText: 'x'.repeat(10_000) }]) connection.fire('icecandidateerror', fields);
  for (let index = 0; index < 500; index += 1) {
    connection.fire('icecandidate', { candidate: mapped('chromium', index) });
    connection.fire('icecandidateerror', serverError('chromium', stun[0], 300 + index));
    diary.hear({ type: 'candidate', candidate: hosts.chromium[0].candidate, sdpMid: null, sdpMLineIndex: null });
    connection.become({ iceConnectionState: index % 2 ? 'checking' : 'failed' });
  }
  const report = diagnose(diary.record(false));
  assert.ok(report.advice.length > 0);
  assert.ok(JSON.stringify(report).length < 20_000);
  assert.ok(diary.record(false).local.length <= 128);
  assert.equal(diagnose(EMPTY_RECORD).reason, 'peer-unreachable');
});

test('an error keeps everything when it gets a report', () => {
  const cause = new TypeError('inner');
  const error = new MillraceError('timeout', 'too late', { cause });
  assert.equal(error.detail, undefined);
  const report = diagnose({ ...EMPTY_RECORD, signalingDown: true });
  const explained = withDetail(error, report);
  assert.deepEqual([explained.code, explained.explanation, explained.cause, explained.byPeer, explained.stack], ['timeout', 'too late', cause, false, error.stack]);
  assert.equal(explained.detail, report);
  assert.ok(explained instanceof MillraceError);
});
