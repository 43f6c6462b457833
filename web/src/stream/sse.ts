/** One message of a `text/event-stream`. */
export interface Message {
  id: string | null;
  event: string;
  data: string;
}

/**
 * Reads server-sent events from pieces of text, cut anywhere (WHATWG HTML, 9.2.6). Comments and `retry` are passed over.
 * Lines end in \n or \r\n; the server sends no lone \r.
 */
export class SseReader {
  #rest = "";
  #id: string | null = null;
  #event = "";
  #data: string[] = [];

  read(piece: string): Message[] {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    const messages: Message[] = [];
    for (const raw of lines) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line === "") {
        if (this.#data.length) {
          messages.push({ id: this.#id, event: this.#event || "message", data: this.#data.join("\n") });
        }
        this.#event = "";
        this.#data = [];
        this.#id = null;
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
      if (name === "data") this.#data.push(value);
      else if (name === "event") this.#event = value;
      else if (name === "id") this.#id = value;
    }
    return messages;
  }
}
