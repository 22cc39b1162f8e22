// Numbers in words, as formats.py writes them.

const SPACE = "\u202f";
const UNITS = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]];

export function count(number, one) {
  const text = String(number).replace(/\B(?=(\d{3})+$)/g, SPACE);
  return `${text} ${one}${number === 1 ? "" : "s"}`;
}

export function fileSize(bytes) {
  const [size, unit] = UNITS.find(([least]) => bytes >= least) ?? [1, "B"];
  return `${+(bytes / size).toPrecision(3)}${SPACE}${unit}`;
}
