// Runs in the browser: looks whether everything that the page refers to has come, then fetches each
// file once more and reports all hashes.
'use strict';

async function sum(path) {
  const answer = await fetch(path, { cache: 'no-store' });
  const data = await answer.arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  return [path, Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')];
}

async function report() {
  const images = Array.from(document.images).filter((image) => image.naturalWidth === 20).length;
  const styled = Array.from(document.querySelectorAll('p'))
    .filter((one) => getComputedStyle(one).color === 'rgb(1, 2, 3)').length;
  const sums = Object.fromEntries(await Promise.all(window.paths.map(sum)));
  const scripts = (window.scripts || []).length;
  document.title = 'done';
  await fetch('/report', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ images, scripts, styled, sums, agent: navigator.userAgent }),
  });
}

window.addEventListener('load', () => {
  report().catch((error) => fetch('/report', {
    method: 'POST', body: JSON.stringify({ error: String(error) }),
  }));
});
