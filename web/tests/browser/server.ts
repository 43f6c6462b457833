import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import AxeBuilder from "@axe-core/playwright";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** The Python of the environment that is tried. */
export const PYTHON = join(ROOT, ".venv/bin/python");
const COMMAND = join(ROOT, ".venv/bin/stretto");
const CHROMIUM = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
].find((path) => existsSync(path));
/** Whether there is a browser on this machine; without one these tests are skipped. */
export const hasBrowser = CHROMIUM !== undefined;
if (!hasBrowser) process.stderr.write("No Chromium was found on this machine: the tests in a browser are skipped.\n");
const START_MS = 60_000;
const STOP_MS = 20_000;

const run = promisify(execFile);

export interface TestServer {
  url: string;
  /** Runs a command of `stretto` with the server's database; gives what it printed. */
  command: (...parts: string[]) => Promise<string>;
  /** Asks the API; fails on anything but a success. */
  ask: <T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<T>;
  /** Starts a Python script of this folder with the server's settings. It is to end with its stdin. */
  script: (name: string) => ChildProcess;
  stop: () => Promise<void>;
}

export interface ServerOptions {
  env?: Record<string, string>;
  /** The text of `stretto.yaml`; default: the simulated provider answers. */
  config?: string;
  /** What `stretto up` is told beside its port, such as `["--app", "reviews"]`. */
  args?: readonly string[];
}

/** Starts `stretto up` with a database of its own, on a free port. */
export async function startServer({
  env = {},
  config = "routes: {default: [simulated/any]}\ndefault_route: default\n",
  args = [],
}: ServerOptions = {}): Promise<TestServer> {
  const home = mkdtempSync(join(tmpdir(), "stretto-browser-"));
  writeFileSync(join(home, "stretto.yaml"), config);
  const environment: Record<string, string> = {
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? "",
    LANG: "C.UTF-8",
    STRETTO_HOME: join(home, "home"),
    STRETTO_SIM_TTFT_S: "0.02",
    STRETTO_SIM_TOKENS_PER_S: "400",
    PYTHONPATH: `${join(ROOT, "src")}:${join(ROOT, "apps/reviews/src")}`, // this checkout, whatever is installed
    ...env,
  };
  const child = spawn(COMMAND, ["up", "--port", "0", ...args], {
    cwd: home,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let url: string;
  try {
    url = await readyUrl(child);
  } catch (error) {
    await ended(child);
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
  return {
    url,
    command: async (...parts) => (await run(COMMAND, parts, { cwd: home, env: environment, timeout: START_MS })).stdout,
    script: (name) =>
      spawn(PYTHON, [fileURLToPath(new URL(name, import.meta.url))], {
        cwd: home,
        env: environment,
        stdio: ["pipe", "ignore", "inherit"], // its log tells of the failures that are meant
      }),
    ask: async (method, path, body, headers = {}) => {
      const response = await fetch(url + path, {
        method,
        headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return text === "" ? undefined : JSON.parse(text);
    },
    stop: async () => {
      await ended(child);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let told = "";
    const timer = setTimeout(() => reject(new Error(`stretto up was not ready in time:\n${told}`)), START_MS);
    const listen = (piece: Buffer) => {
      told += piece.toString();
      const found = /ready at (\S+)/.exec(told);
      if (!found?.[1]) return;
      clearTimeout(timer);
      resolve(found[1]);
    };
    child.stdout?.on("data", listen);
    child.stderr?.on("data", (piece: Buffer) => {
      told += piece.toString();
    });
    child.on("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`stretto up ended with ${code}:\n${told}`));
    });
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await gone;
  clearTimeout(timer);
}

let browser: Promise<Browser> | undefined;

/** A page of a fresh profile, and what went wrong on it: errors that it threw or that its console told. */
export async function openPage(
  options: BrowserContextOptions = {},
): Promise<{ page: Page; errors: string[]; close: () => Promise<void> }> {
  browser ??= chromium.launch({
    ...(CHROMIUM ? { executablePath: CHROMIUM } : {}),
    args: "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(
      " ",
    ),
  });
  const context = await (await browser).newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return { page, errors, close: () => context.close() };
}

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
  browser = undefined;
}

/** What axe finds wrong with a page, in words; empty when nothing is. */
export async function violations(page: Page): Promise<string[]> {
  const found = await new AxeBuilder({ page }).analyze();
  return found.violations.map(
    (each) => `${each.id}: ${each.help} (${each.nodes.map((node) => node.target.join(" ")).join(", ")})`,
  );
}

export interface Wire {
  url: string;
  /** Breaks every connection, and takes no new one until `mend`. */
  cut: () => void;
  mend: () => void;
  stop: () => Promise<void>;
}

/** A wire before a server that can be cut. */
export async function startWire(target: string): Promise<Wire> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let whole = true;
  const server: Server = createServer((socket) => {
    if (!whole) {
      socket.destroy();
      return;
    }
    const other = connect(Number(port), hostname);
    for (const each of [socket, other]) {
      open.add(each);
      each.on("error", () => undefined);
      each.on("close", () => {
        open.delete(each);
        socket.destroy();
        other.destroy();
      });
    }
    socket.pipe(other);
    other.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The wire has no port.");
  const cut = () => {
    whole = false;
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${address.port}`,
    cut,
    mend: () => {
      whole = true;
    },
    stop: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
