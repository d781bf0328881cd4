import assert from "node:assert/strict";
import { test } from "node:test";
import type { AdapterError } from "@vedette/base";
import { systemRandom } from "@vedette/runtime";
import { connectTls } from "./connect.ts";
import { createEventHub, EVENT_HUB_LIMITS, type EventHubLimits } from "./event-hub.ts";
import type { ReceivedEvent } from "./event-parser.ts";
import { emptyResponse, type HttpRequest } from "./http.ts";
import { SERVER_NAME, testCreateAuthority, testListen } from "./network-fixture.test.ts";
import { type WatchOptions, watch } from "./watch.ts";

const authority = testCreateAuthority("Test Root");
const backoff = { firstMs: 1, maxMs: 20 };

async function testHub(limits: Partial<EventHubLimits> = {}) {
  const hub = createEventHub({ ...EVENT_HUB_LIMITS, ...limits });
  const requests: HttpRequest[] = [];
  let generation = 1;
  const event = () => ({ id: `${generation}`, type: "generation", data: { generation } });
  const handler = async (request: HttpRequest) => {
    requests.push(request);
    return hub.subscribe(request, request.query.get("site") ?? "", event());
  };
  const listener = await testListen(authority, { handler });
  return {
    hub,
    listener,
    requests,
    raise: (topic?: string) => {
      generation++;
      hub.publish(event(), topic);
    },
    [Symbol.asyncDispose]: async () => {
      hub.close();
      await listener.close({ graceMs: 0 });
    },
  };
}

/** A watcher whose events and losses can be awaited one by one. */
function testWatch(url: string, path: string, options: Partial<WatchOptions> = {}) {
  const client = connectTls({ url, anchors: { roots: [authority.pem] }, expectedServer: { dns: SERVER_NAME } });
  const stop = new AbortController();
  const events = testQueue<ReceivedEvent>();
  const losses = testQueue<AdapterError>();
  const done = watch(client, path, {
    onEvent: events.push,
    onLost: losses.push,
    signal: stop.signal,
    random: systemRandom,
    backoff,
    ...options,
  });
  return {
    events,
    losses,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await done;
      client.close();
    },
  };
}

function testQueue<T>() {
  const values: T[] = [];
  let wake = () => {};
  return {
    push: (value: T) => {
      values.push(value);
      wake();
    },
    next: async (): Promise<T> => {
      while (values.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return values.shift() as T;
    },
  };
}

test("a subscriber gets the current state at once and then each change of its topic", async () => {
  await using served = await testHub();
  await using watcher = testWatch(served.listener.url, "/v1/watch?site=store-17");
  assert.deepEqual(await watcher.events.next(), { id: "1", type: "generation", data: '{"generation":1}' });
  served.raise("store-18");
  served.raise("store-17");
  assert.equal((await watcher.events.next()).data, '{"generation":3}');
  served.raise();
  assert.equal((await watcher.events.next()).data, '{"generation":4}');
});

test("a lost stream is told once and resumed from the last event", async () => {
  await using served = await testHub();
  await using watcher = testWatch(served.listener.url, "/v1/watch");
  await watcher.events.next();
  served.raise();
  await watcher.events.next();
  served.requests[0]?.connection.cut();
  assert.equal((await watcher.losses.next()).code, "NET_UNREACHABLE");
  assert.equal((await watcher.events.next()).id, "2");
  assert.deepEqual(
    served.requests.map(({ headers }) => headers["last-event-id"]),
    [undefined, "2"],
  );
});

test("a stream without heartbeats counts as lost", async () => {
  await using served = await testHub();
  await using watcher = testWatch(served.listener.url, "/v1/watch", { silenceMs: 50 });
  const { code, facts } = await watcher.losses.next();
  assert.deepEqual([code, facts["phase"]], ["NET_TIMEOUT", "stream"]);
});

test("heartbeats keep a quiet stream alive", async () => {
  await using served = await testHub({ heartbeatMs: 10 });
  await using watcher = testWatch(served.listener.url, "/v1/watch", { silenceMs: 1_000 });
  await watcher.events.next();
  const outcome = await Promise.race([
    watcher.losses.next().then(() => "lost"),
    new Promise((resolve) => setTimeout(resolve, 1_500, "alive")),
  ]);
  assert.equal(outcome, "alive");
});

test("a server that refuses the stream or is gone is tried again", async () => {
  let count = 0;
  const listener = await testListen(authority, {
    handler: async () => {
      count++;
      return emptyResponse(503);
    },
  });
  await using watcher = testWatch(listener.url, "/v1/watch");
  const first = await watcher.losses.next();
  assert.deepEqual([first.code, first.facts["status"]], ["NET_PROTOCOL", 503]);
  await watcher.losses.next();
  assert.ok(count >= 2);
  await listener.close({ graceMs: 0 });
  while ((await watcher.losses.next()).code !== "NET_UNREACHABLE");
});

test("beyond the limit of subscribers the next one is refused", async () => {
  await using served = await testHub({ subscribersMax: 1 });
  await using first = testWatch(served.listener.url, "/v1/watch");
  await first.events.next();
  await using second = testWatch(served.listener.url, "/v1/watch");
  assert.equal((await second.losses.next()).facts["status"], 503);
  assert.equal(served.hub.subscribers, 1);
});

test("a subscriber that does not read is cut when its backlog is full, and leaves the hub", async () => {
  await using served = await testHub({ backlogMax: 1_000 });
  const client = connectTls({
    url: served.listener.url,
    anchors: { roots: [authority.pem] },
    expectedServer: { dns: SERVER_NAME },
  });
  const { body } = await client.open("GET", "/v1/watch");
  body.on("error", () => {});
  const large = { id: "2", type: "generation", data: "x".repeat(900) };
  // What the sockets' buffers take is not backlog, so this takes a while.
  for (let i = 0; i < 20_000 && served.hub.subscribers > 0; i++) {
    served.hub.publish(large);
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(served.hub.subscribers, 0);
  client.close();
});

test("what a caller's handler throws is the caller's, not a lost stream", async () => {
  await using served = await testHub();
  const client = connectTls({
    url: served.listener.url,
    anchors: { roots: [authority.pem] },
    expectedServer: { dns: SERVER_NAME },
  });
  const bug = new Error("bug");
  const onEvent = () => {
    throw bug;
  };
  const { signal } = new AbortController();
  await assert.rejects(watch(client, "/v1/watch", { onEvent, onLost: () => {}, signal, random: systemRandom }), bug);
  client.close();
});
