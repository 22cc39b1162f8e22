// Times in words that stay true, and times of day in the reader's own zone. The same words as formats.py.

const SPACE = "\u202f";
const RENEW_MS = 5000;
const DAYTIME = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

export function keepTimes(root) {
  renewTimes(root);
  setInterval(() => { if (!document.hidden) renewTimes(document); }, RENEW_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) renewTimes(document); });
}

export function renewTimes(root) {
  const now = Date.now();
  for (const time of root.querySelectorAll("time[data-as]")) {
    const at = new Date(time.dateTime);
    const words = WORDS[time.dataset.as]?.(at, now);
    if (words && words !== time.textContent) time.textContent = words;
    const exact = at.toLocaleString([], { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" });
    if (time.title && time.title !== exact) time.title = exact;
  }
}

const WORDS = {
  relative(at, now) {
    const seconds = (at - now) / 1000;
    if (Math.abs(seconds) < 5) return "just now";
    return seconds > 0 ? `in ${duration(seconds)}` : `${duration(-seconds)} ago`;
  },
  duration(at, now) { return duration((now - at) / 1000); },
  clock(at, now) {
    const hour = at.toLocaleTimeString([], DAYTIME);
    if (at.toDateString() === new Date(now).toDateString()) return hour;
    return `${at.toLocaleDateString([], { day: "2-digit", month: "short" })} ${hour}`;
  },
  hour(at) { return at.toLocaleTimeString([], DAYTIME); },
};

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}${SPACE}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${SPACE}min`;
  return whole < 86400 ? two(whole, 3600, "h", 60, "min") : two(whole, 86400, "d", 3600, "h");
}

function two(seconds, large, largeUnit, small, smallUnit) {
  const rest = Math.floor((seconds % large) / small);
  const first = `${Math.floor(seconds / large)}${SPACE}${largeUnit}`;
  return rest ? `${first} ${rest}${SPACE}${smallUnit}` : first;
}
