// The global scope of an AudioWorklet, which TypeScript's libraries leave out.
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, made: new (options: any) => AudioWorkletProcessor): void;
