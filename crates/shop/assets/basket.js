// Pages are the same for everyone, so that they can be kept. What is in your basket is only known here.
(() => {
  const badge = document.querySelector("[data-basket]");
  const found = document.cookie.match(/(?:^|;\s*)basket=(\d{1,4})(?:;|$)/);
  const count = found ? Number(found[1]) : 0;
  if (!badge || count < 1) return;
  badge.textContent = String(count);
  badge.hidden = false;
  const link = badge.closest("a");
  if (link) link.setAttribute("aria-label", count === 1 ? "Basket, 1 thing" : `Basket, ${count} things`);
})();
