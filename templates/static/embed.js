// For forms on other sites: sends the form and says the answer, without leaving the page.
// Only forms with the attribute data-newsletter. Where anything fails, the plain form does the work.
(function () {
  "use strict";

  function values(form) {
    var found = {};
    new FormData(form).forEach(function (value, name) {
      (found[name] = found[name] || []).push(value);
    });
    return found;
  }

  function paragraph(words) {
    var element = document.createElement("p");
    element.textContent = words;
    return element;
  }

  // Live regions are announced only if they stood there before their words came.
  function region(form, role) {
    var element = document.createElement("div");
    element.setAttribute("role", role);
    element.className = "newsletter-" + role;
    form.parentNode.insertBefore(element, form);
    return element;
  }

  function unmark(form) {
    form.querySelectorAll("[data-newsletter-mistake]").forEach(function (element) {
      element.remove();
    });
    form.querySelectorAll("[aria-invalid]").forEach(function (field) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    });
  }

  function mark(form, error) {
    var field = form.elements[error.field];
    if (!field || !field.setAttribute) return;
    var words = paragraph(error.detail);
    words.id = "newsletter-" + error.field + "-mistake";
    words.setAttribute("data-newsletter-mistake", "");
    field.parentNode.insertBefore(words, field);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", words.id);
  }

  function thank(form, status, answer) {
    status.append(paragraph(answer.title), paragraph(answer.detail));
    if (answer.hint) status.append(paragraph(answer.hint));
    status.tabIndex = -1;
    status.focus();
    form.hidden = true;
  }

  function complain(form, alert, problem) {
    alert.append(paragraph(problem.title));
    problem.errors.forEach(function (error) {
      mark(form, error);
      if (!form.elements[error.field]) alert.append(paragraph(error.detail));
    });
    var first = form.querySelector("[aria-invalid]");
    if (first) first.focus();
  }

  function enhance(form) {
    var status = region(form, "status");
    var alert = region(form, "alert");
    var sending = false;
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      if (sending) return;
      sending = true;
      alert.textContent = "";
      unmark(form);
      fetch(form.action, {
        method: "POST",
        credentials: "omit",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(values(form)),
      })
        .then(function (response) {
          return response.json().then(function (answer) {
            if (response.ok) thank(form, status, answer);
            else if (answer.errors) complain(form, alert, answer);
            else throw new Error(answer.title);
          });
        })
        .catch(function () {
          HTMLFormElement.prototype.submit.call(form);
        })
        .then(function () {
          sending = false;
        });
    });
  }

  document.querySelectorAll("form[data-newsletter]").forEach(enhance);
})();
