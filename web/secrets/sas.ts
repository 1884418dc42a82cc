/**
 * The pictures of the short authentication string, by name. Their order is part of the protocol: the core gives seven numbers
 * from 0 to 63. No two look or sound alike, even when they are small or read aloud over a bad line.
 */
export const sasEmoji: Readonly<Record<string, string>> = {
  acorn: '🌰', airplane: '✈️', clock: '⏰', anchor: '⚓', axe: '🪓', balloon: '🎈', banana: '🍌', bat: '🦇',
  bell: '🔔', bicycle: '🚲', bone: '🦴', bread: '🍞', broom: '🧹', bus: '🚌', cactus: '🌵', camel: '🐫',
  candle: '🕯️', carrot: '🥕', castle: '🏰', cheese: '🧀', cherry: '🍒', compass: '🧭', crab: '🦀', crown: '👑',
  dice: '🎲', dolphin: '🐬', drum: '🥁', eagle: '🦅', envelope: '✉️', feather: '🪶', flag: '🚩', flamingo: '🦩',
  frog: '🐸', ghost: '👻', giraffe: '🦒', glasses: '👓', grapes: '🍇', guitar: '🎸', hammer: '🔨', hedgehog: '🦔',
  ice: '🧊', kite: '🪁', ladder: '🪜', lemon: '🍋', tower: '🗼', magnet: '🧲', moon: '🌙', mushroom: '🍄',
  octopus: '🐙', onion: '🧅', owl: '🦉', peacock: '🦚', pencil: '✏️', pineapple: '🍍', dragon: '🐉', puzzle: '🧩',
  rainbow: '🌈', rocket: '🚀', sailboat: '⛵', scissors: '✂️', snail: '🐌', sock: '🧦', tooth: '🦷', volcano: '🌋',
};
const names = Object.keys(sasEmoji);

/** The names of the core's numbers. */
export function namesOf(numbers: readonly number[]): string[] {
  return numbers.map((number) => names[number]!);
}
