/** One video track of a file: where the packet of each frame is, and a decoder that is kept from seek to seek. */

import { EncodedPacketSink, Input, MP4, UrlSource, WEBM, type EncodedPacket, type InputVideoTrack } from "mediabunny";

const FILE_CACHE = 8 * 2 ** 20; // bytes of the file itself: frames are decoded once and kept elsewhere

export class Track {
  private decoder: VideoDecoder | null = null;
  private frames: VideoFrame[] = [];
  private work: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly input: Input,
    private readonly sink: EncodedPacketSink,
    private readonly config: VideoDecoderConfig,
    /** Without their data, in the order of their times. */
    private readonly packets: EncodedPacket[],
    readonly width: number,
    readonly height: number,
  ) {}

  /** Opens the first video track at a URL; an Error of one line if there is none or it cannot be decoded here. */
  static async open(url: string): Promise<Track> {
    const input = new Input({
      source: new UrlSource(url, { maxCacheSize: FILE_CACHE, getRetryDelay }),
      formats: [MP4, WEBM],
    });
    try {
      const video = await input.getPrimaryVideoTrack();
      const config = await video?.getDecoderConfig();
      if (!video || !config) throw new Error(`${url}: has no video that this browser decodes`);
      return await Track.of(input, video, { ...config, optimizeForLatency: true });
    } catch (error) {
      input.dispose();
      throw error;
    }
  }

  private static async of(input: Input, video: InputVideoTrack, config: VideoDecoderConfig): Promise<Track> {
    const sink = new EncodedPacketSink(video);
    const packets: EncodedPacket[] = [];
    for await (const packet of sink.packets(undefined, undefined, { metadataOnly: true })) packets.push(packet);
    packets.sort((one, other) => one.timestamp - other.timestamp);
    return new Track(input, sink, config, packets, await video.getDisplayWidth(), await video.getDisplayHeight());
  }

  get count(): number {
    return this.packets.length;
  }

  /** Decodes frames by index, one call after the other; the caller closes them. Every frame of a proxy is a key frame. */
  decode(indices: number[]): Promise<VideoFrame[]> {
    const run = this.work.then(() => this.decodeNow(indices));
    this.work = run.catch(() => undefined);
    return run;
  }

  private async decodeNow(indices: number[]): Promise<VideoFrame[]> {
    const packets = await Promise.all(indices.map((index) => this.packet(index)));
    const decoder = this.readyDecoder();
    for (const packet of packets) decoder.decode(packet.toEncodedVideoChunk());
    await decoder.flush();
    const frames = this.frames;
    this.frames = [];
    const right =
      frames.length === packets.length &&
      frames.every((frame, i) => frame.timestamp === packets[i]!.microsecondTimestamp);
    if (right) return frames;
    frames.forEach((frame) => frame.close());
    throw new Error("the decoder gave other frames than it was asked for");
  }

  private async packet(index: number): Promise<EncodedPacket> {
    const packet = await this.sink.getPacket(this.packets[index]!.timestamp);
    if (packet?.sequenceNumber !== this.packets[index]!.sequenceNumber)
      throw new Error(`frame ${index} is not in the file`);
    return packet;
  }

  private readyDecoder(): VideoDecoder {
    if (this.decoder?.state === "configured") return this.decoder;
    this.frames.forEach((frame) => frame.close());
    this.frames = [];
    const decoder = new VideoDecoder({ output: (frame) => this.frames.push(frame), error: () => undefined }); // `flush` rejects
    decoder.configure(this.config);
    return (this.decoder = decoder);
  }

  close(): void {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.input.dispose();
  }
}

/** Three tries within a second; then the error is shown. */
function getRetryDelay(attempts: number): number | null {
  return attempts < 3 ? 0.1 * 2 ** attempts : null;
}
