// The door as OpenAI's JavaScript client sees it. Gets the address and a model, and writes what it saw as JSON.
import OpenAI from "openai";

const [baseURL, model, flow] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "of-another-service", maxRetries: 0 });
const messages = [{ role: "user", content: "Sing." }];
const seen = {};

const whole = await client.chat.completions.create({ model, messages });
seen.whole = whole.choices[0].message.content;
seen.wholeUsage = whole.usage;

const pieces = [];
const stream = await client.chat.completions.create({
  model,
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  for (const choice of chunk.choices) pieces.push(choice.delta.content ?? "");
  if (chunk.usage) seen.streamUsage = chunk.usage;
}
seen.streamed = pieces.join("");

const flowPieces = [];
for await (const chunk of await client.chat.completions.create({ model: flow, messages, stream: true })) {
  for (const choice of chunk.choices) flowPieces.push(choice.delta.content ?? "");
}
seen.flow = flowPieces.join("");

const left = await client.chat.completions.create({ model, messages, stream: true });
for await (const _ of left) break; // leaves in mid-stream

try {
  await client.chat.completions.create({ model: "nowhere", messages });
} catch (error) {
  seen.error = { name: error.constructor.name, status: error.status, code: error.code };
}
seen.models = [];
for await (const found of client.models.list()) seen.models.push(found.id);
console.log(JSON.stringify(seen));
