/** Zoom by wheel and two fingers, move by one; gives a function that zooms about the middle. */
function zooming(stage, frame) {
  let scale = 1, left = 0, top = 0;
  const move = () => { frame.style.transform = `translate(${left}px, ${top}px) scale(${scale})`; };
  const zoom = (by, x, y) => {
    const at = frame.getBoundingClientRect(), next = Math.min(20, Math.max(1, scale * by)), grown = next / scale;
    left -= (x - at.left) * (grown - 1);
    top -= (y - at.top) * (grown - 1);
    scale = next;
    if (scale === 1) left = top = 0;
    move();
  };
  const fingers = new Map();
  stage.onwheel = (event) => { event.preventDefault(); zoom(event.deltaY < 0 ? 1.25 : 0.8, event.clientX, event.clientY); };
  stage.onpointerdown = (event) => { fingers.set(event.pointerId, event); stage.setPointerCapture(event.pointerId); };
  stage.onpointerup = stage.onpointercancel = (event) => fingers.delete(event.pointerId);
  stage.onpointermove = (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const other = [...fingers.values()].find((one) => one.pointerId !== event.pointerId);
    if (other) {
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      zoom(apart(event) / apart(before), other.clientX, other.clientY);
    } else if (scale > 1) { left += event.clientX - before.clientX; top += event.clientY - before.clientY; move(); }
    fingers.set(event.pointerId, event);
  };
  return (by) => { const at = stage.getBoundingClientRect(); zoom(by, at.left + at.width / 2, at.top + at.height / 2); };
}
