// A tab that nothing looks at but the commands given here. Playwright listens to the network of each page that it knows, for which
// Chromium notes the script's place at each request, and reads all of the script again for that: 60 ms and more on a slowed CPU.

/** Opens it; `send` gives a command of the DevTools protocol and its answer. */
export async function bareTab(browser) {
  const session = await browser.newBrowserCDPSession();
  const { browserContextId } = await session.send("Target.createBrowserContext");
  const { targetId } = await session.send("Target.createTarget", { url: "about:blank", browserContextId });
  const { sessionId } = await session.send("Target.attachToTarget", { targetId, flatten: false });
  const waiting = new Map();
  let number = 0;
  session.on("Target.receivedMessageFromTarget", ({ message, ...from }) => {
    const answer = JSON.parse(message);
    if (from.sessionId !== sessionId || !waiting.has(answer.id)) return;
    const { resolve, reject } = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.error) reject(new Error(answer.error.message));
    else resolve(answer.result);
  });
  const send = (method, params = {}) =>
    new Promise((resolve, reject) => {
      number += 1;
      waiting.set(number, { resolve, reject });
      session
        .send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id: number, method, params }) })
        .catch(reject);
    });
  return { send };
}
