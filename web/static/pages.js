// Everything works without this file; with it, the components of the page come alive.
document.body.classList.add("js-enabled", "govuk-frontend-supported");
const { initAll } = await import("/static/vendor/govuk-frontend.min.js");
initAll();
