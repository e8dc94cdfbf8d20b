/** The clip's sound at speed 1, which then tells the time. */

import { AudioBufferSink, type Input } from "mediabunny";
import type { TimeSource } from "./clock";

export interface Sound extends TimeSource {
  close(): void;
}

const AHEAD = 0.5; // seconds that are scheduled before they are heard

/** Of a proxy whose sound starts at `start` in the clip's seconds; null if it has none that can be decoded. */
export async function soundOf(input: Input, start: number, muted: () => boolean): Promise<Sound | null> {
  const track = await input.getPrimaryAudioTrack();
  if (!track || !(await track.canDecode())) return null;
  return playback(new AudioBufferSink(track), start, muted);
}

function playback(sink: AudioBufferSink, begin: number, muted: () => boolean): Sound {
  let context: AudioContext | null = null;
  let playing: { from: number; at: number; nodes: Set<AudioBufferSourceNode> } | null = null;

  async function feed(run: NonNullable<typeof playing>, context: AudioContext): Promise<void> {
    for await (const { buffer, timestamp } of sink.buffers(Math.max(run.from - begin, 0))) {
      const time = begin + timestamp;
      while (playing === run && time - run.from - (context.currentTime - run.at) > AHEAD) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      if (playing !== run) return;
      schedule(run, context, buffer, run.at + time - run.from);
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
