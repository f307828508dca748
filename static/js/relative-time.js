// Keeps <time data-relative> fresh, in the words of the template filter `ago`, and counts down <time data-until>.

const NARROW = "\u202f";
const DAY = 86400;

export function words(moment, now = Date.now()) {
  const seconds = (now - moment) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 45) return seconds >= 0 ? "just now" : "in a moment";
  if (distance >= 30 * DAY) return null;
  const [number, unit] =
    distance < 3570
      ? [Math.round(distance / 60) || 1, "min"]
      : distance < 84600
        ? [Math.round(distance / 3600), "h"]
        : [Math.round(distance / DAY), "d"];
  return seconds > 0 ? `${number}${NARROW}${unit} ago` : `in ${number}${NARROW}${unit}`;
}

function refresh() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const text = words(new Date(time.dateTime));
    if (text && time.textContent !== text) time.textContent = text;
  }
}

function countDown() {
  for (const time of document.querySelectorAll("time[data-until]")) {
    const seconds = Math.max(0, Math.ceil((new Date(time.dateTime) - Date.now()) / 1000));
    time.textContent = `${seconds}${NARROW}s`;
  }
}

setInterval(refresh, 20000);
setInterval(countDown, 1000);
countDown();
document.addEventListener("htmx:after:swap", refresh);
