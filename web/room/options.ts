import { MillraceError } from '../api/errors.js';
import { connectShapes, type RtcOption } from '../api/options.js';
import { createShapes, roomShapes, type CreateRoomOptions } from '../api/room_types.js';
import { checkOptions, shape, type OptionsOf } from '../api/shape.js';
import { byteLength } from '../base/bytes.js';
import { checkConnectOptions } from '../session/connect.js';
import { toJson } from '../session/message_data.js';
import type { About } from './introduction.js';

/** `RoomOptions` after checking. */
export interface RoomSettings {
  readonly about: About;
  readonly maxPeers: number;
  readonly withCode: boolean;
  /** For each session, apart from its secret. */
  readonly connect: RoomConnectOptions;
  readonly signal: AbortSignal | undefined;
}

export type RoomConnectOptions = OptionsOf<typeof ofSession>;

/** Name and data together, bytes of JSON. */
const MAX_ABOUT_BYTES = 1_024;
const DEFAULT_MAX_PEERS = 10;

const { secret: _secret, secretKind: _kind, signal: _signal, ...ofSession } = connectShapes;
const absent = shape<never>('absent: the room has its own', () => false);
const givenByRoom = { signaling: absent, secret: absent, secretKind: absent };

/** `serverRtc`: for options without `rtc`. Errors: throws 'invalid-argument', which names the option; 'aborted'. */
export function resolveRoomOptions(options: CreateRoomOptions, withCode: boolean, serverRtc?: RtcOption): RoomSettings {
  const { name = '', data = null, maxPeers = DEFAULT_MAX_PEERS, signal } = checkOptions(options, roomShapes);
  const { code = false } = checkOptions(withCode ? options : {}, createShapes);
  checkOptions(options, givenByRoom);
  const given = checkOptions(options, ofSession);
  const connect = given.rtc === undefined && serverRtc !== undefined ? { ...given, rtc: serverRtc } : given;
  checkConnectOptions(connect);
  const about: About = JSON.parse(encodedAbout({ name, data })) as About;
  if (signal?.aborted) throw new MillraceError('aborted');
  return { about, maxPeers, withCode: code, connect, signal };
}

/** Name and data as JSON. Errors: throws 'invalid-argument' for data that is not JSON, and 'too-large'. */
export function encodedAbout(about: About): string {
  let text: string | undefined;
  try {
    text = toJson(about);
  } catch (caught) {
    const { code, explanation } = MillraceError.from(caught, 'invalid-argument');
    if (code !== 'too-large') throw new MillraceError('invalid-argument', `data must be JSON: ${explanation}`);
  }
  if (text === undefined || byteLength(text) > MAX_ABOUT_BYTES) {
    throw new MillraceError('too-large', `name and data may have at most ${MAX_ABOUT_BYTES} bytes of JSON`);
  }
  return text;
}
