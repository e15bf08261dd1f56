// The form of the stand-in site: one step at a time, each kept by the server before the next is drawn.
const place = document.getElementById("step");
const draft = {};
const steps = [
  { title: "Votre identité", fields: [
    { name: "nom", label: "Nom", type: "text" },
    { name: "prenom", label: "Prénom", type: "text" },
    { name: "courriel", label: "Adresse électronique", type: "email" } ] },
  { title: "Votre situation", fields: [
    { name: "situation", label: "Votre logement", type: "select" },
    { name: "depuis", label: "Depuis le", type: "date" } ] },
  { title: "Votre demande", fields: [
    { name: "demande", label: "Expliquez votre demande", type: "textarea" } ] },
];
let situations = [];

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function plan(at) {
  const names = [...steps.map((step) => step.title), "Vérification"];
  return element("ol", { className: "plan" },
    ...names.map((name, index) => element("li", { className: index === at ? "now" : "" }, name)));
}

function input(field) {
  if (field.type === "select") {
    const options = ["", ...situations].map((text) => element("option", { value: text }, text || "Choisissez"));
    return element("select", { id: field.name, name: field.name, required: true }, ...options);
  }
  const made = field.type === "textarea"
    ? element("textarea", { id: field.name, name: field.name, required: true })
    : element("input", { id: field.name, name: field.name, type: field.type, required: true, autocomplete: "off" });
  made.value = draft[field.name] || "";
  return made;
}

function draw(at) {
  if (at === steps.length) return review();
  const step = steps[at];
  const form = element("form", {},
    ...step.fields.flatMap((field) => [element("label", { htmlFor: field.name }, field.label), input(field)]));
  if (at > 0) form.append(element("button", { type: "button", className: "back", onclick: () => draw(at - 1) }, "Retour"));
  form.append(element("button", {}, "Continuer"));
  form.onsubmit = async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form));
    Object.assign(draft, values);
    if (await post("/etape", values)) draw(at + 1);
  };
  place.replaceChildren(plan(at), element("h1", {}, step.title), form);
  form.elements[0].focus();
}

function review() {
  const list = element("dl");
  for (const field of steps.flatMap((step) => step.fields)) {
    list.append(element("dt", {}, field.label), element("dd", {}, draft[field.name]));
  }
  const send = element("button", { onclick: submit }, "Envoyer la demande");
  place.replaceChildren(plan(steps.length), element("h1", {}, "Vérifiez votre demande"), list,
    element("button", { type: "button", className: "back", onclick: () => draw(steps.length - 1) }, "Retour"), send);
  send.focus();
}

async function submit() {
  const answer = await post("/envoi", {});
  if (!answer) return;
  place.replaceChildren(element("h1", {}, "Votre demande est enregistrée"),
    element("div", { className: "receipt" }, element("p", {}, "Numéro de récépissé"),
      element("strong", {}, answer.recepisse)),
    element("p", {}, element("a", { href: "https://www.ailleurs.example/", id: "elsewhere" }, "Voir un site partenaire")));
  document.getElementById("elsewhere").focus();
}

async function post(path, values) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(values) });
    if (answer.ok) return await answer.json();
  } catch (error) { /* shown below, like a refusal by the server */ }
  place.append(element("p", { className: "wrong", role: "alert" }, "L'envoi n'a pas marché. Essayez encore."));
  return null;
}

fetch("https://ressources.mes-demarches.example/situations.json")
  .then((answer) => answer.json())
  .then((list) => { situations = list; draw(0); })
  .catch(() => place.replaceChildren(element("p", { className: "wrong" }, "Le service est indisponible.")));
