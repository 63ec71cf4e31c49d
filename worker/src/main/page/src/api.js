// Talks to the worker. The token, if one is needed, travels in a header with every request, and lives as long as the tab.

const KEY = "cloe-token";
let askForToken = async () => "";

/** Says how to get a token from the person: called with whether one was refused before. */
export function onTokenNeeded(ask) {
  askForToken = ask;
}

/** An answer that says no. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function send(path, options = {}) {
  for (let attempt = 0; ; attempt++) {
    const token = sessionStorage.getItem(KEY);
    const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(path, { ...options, headers });
    if (response.status !== 401) {
      return response;
    }
    sessionStorage.setItem(KEY, await askForToken(attempt > 0 || token !== null));
  }
}

async function checked(response) {
  if (response.ok) {
    return response;
  }
  const problem = await response.json().catch(() => ({}));
  throw new Refusal(response.status, problem.error ?? "UNKNOWN", problem.message ?? `status ${response.status}`);
}

export async function json(path, options) {
  return (await checked(await send(path, options))).json();
}

export async function bytes(path, options) {
  return (await checked(await send(path, options))).arrayBuffer();
}

export async function post(path, body) {
  return json(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** A path below a study; ids may hold any character. */
export function studyPath(studyId, ...rest) {
  return ["/studies", studyId, ...rest].map((part, i) => (i === 0 ? part : encodeURIComponent(part))).join("/");
}

/**
 * Calls back with the ids of studies that changed; with none when there were too many to name. Not an EventSource, which cannot
 * send a token. Goes on for ever, and says whether it is connected.
 */
export async function follow(changed, connected) {
  for (;;) {
    try {
      const response = await checked(await send("/events"));
      connected(true);
      changed([]); // whatever happened meanwhile
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        text += part.value;
        const events = text.split("\n\n");
        text = events.pop();
        for (const event of events) {
          const data = /^data: (.*)$/m.exec(event);
          if (data) {
            changed(JSON.parse(data[1]));
          }
        }
      }
    } catch {
      // Told below; the next attempt tells more.
    }
    connected(false);
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}
