/** The clip's sound at speed 1, which then tells the time; without sound it never runs. */

import { AudioBufferSink, type Input } from "mediabunny";
import type { TimeSource } from "./clock";

const AHEAD = 0.5; // seconds that are scheduled before they are heard

export async function soundOf(input: Input, muted: () => boolean): Promise<(TimeSource & { close(): void }) | null> {
  const track = await input.getPrimaryAudioTrack();
  if (!track || !(await track.canDecode())) return null;
  return playback(new AudioBufferSink(track), muted);
}

function playback(sink: AudioBufferSink, muted: () => boolean): TimeSource & { close(): void } {
  let context: AudioContext | null = null;
  let playing: { from: number; at: number; nodes: Set<AudioBufferSourceNode> } | null = null;

  async function feed(run: NonNullable<typeof playing>, context: AudioContext): Promise<void> {
    for await (const { buffer, timestamp } of sink.buffers(run.from)) {
      while (playing === run && timestamp - run.from - (context.currentTime - run.at) > AHEAD) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      if (playing !== run) return;
      schedule(run, context, buffer, run.at + timestamp - run.from);
    }
  }

  function schedule(run: NonNullable<typeof playing>, context: AudioContext, buffer: AudioBuffer, when: number): void {
    const late = Math.max(context.currentTime - when, 0);
    if (late >= buffer.duration) return;
    const node = new AudioBufferSourceNode(context, { buffer });
    node.connect(context.destination);
    node.start(Math.max(when, 0), late);
    run.nodes.add(node);
    node.onended = () => run.nodes.delete(node);
  }

  function stop(): void {
    for (const node of playing?.nodes ?? []) node.stop();
    playing = null;
  }

  return {
    start(time) {
      stop();
      if (muted()) return;
      context ??= new AudioContext();
      void context.resume();
      const run = (playing = { from: time, at: context.currentTime, nodes: new Set<AudioBufferSourceNode>() });
      feed(run, context).catch(() => stop()); // the picture's own clock goes on
    },
    stop,
    now: () => (playing && context?.state === "running" ? playing.from + context.currentTime - playing.at : null),
    close() {
      stop();
      void context?.close();
    },
  };
}
