const byId = (id) => document.getElementById(id)

/** Minutes and seconds, or hours and minutes, of a number of seconds. */
export const asTime = (seconds) => {
  if (seconds >= 3_600)
    return `${Math.floor(seconds / 3_600)}h ${Math.floor((seconds % 3_600) / 60)}m`
  if (seconds < 60) return `${seconds}s`
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/**
 * A number that counts down to a moment, with its ring.
 * The ring is full at `totalSeconds`, or at the most it has ever shown.
 */
export const createCountdown = ({ textId, ringId, onEnd = () => {} }) => {
  const [text, ring] = [byId(textId), byId(ringId)]
  let endsAtMs
  let total = 1

  const draw = () => {
    if (endsAtMs === undefined) return
    const left = Math.max(0, Math.round((endsAtMs - Date.now()) / 1_000))
    text.textContent = asTime(left)
    text.dataset.seconds = String(left)
    ring.setAttribute('stroke-dashoffset', String(100 - Math.min(100, (100 * left) / total)))
    if (left > 0) return
    endsAtMs = undefined
    onEnd()
  }

  const set = (seconds, totalSeconds) => {
    endsAtMs = Date.now() + seconds * 1_000
    total = Math.max(1, totalSeconds ?? Math.max(total, seconds))
    draw()
  }

  const stop = () => {
    endsAtMs = undefined
    total = 1
  }

  setInterval(draw, 1_000)
  return { set, stop }
}
