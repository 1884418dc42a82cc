// For browsers that cannot read demo.js at all, and so in a language that every one of them reads.
window.addEventListener('load', function () {
  if (document.documentElement.hasAttribute('data-started')) return;
  var alert = document.getElementById('alert');
  alert.textContent =
    'This page could not start. Load it again. If that does not help, this browser is too old for it: update it, or use a current Chrome, Edge, Firefox or Safari.';
  alert.removeAttribute('hidden');
});
