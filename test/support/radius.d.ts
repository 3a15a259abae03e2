// The part of npm's `radius` 1.1.4 that the tests use: an independent client.

declare module "radius" {
  export type Value = string | number | Buffer;

  export interface Decoded {
    code: string;
    identifier: number;
    length: number;
    attributes: Record<string, Value | Value[]>;
  }

  interface Codec {
    encode(packet: {
      code: string;
      secret: string;
      identifier: number;
      attributes: [name: string, value: Value][];
      add_message_authenticator?: boolean;
    }): Buffer;
    decode(packet: { packet: Buffer; secret: string }): Decoded;
    verify_response(pair: { request: Buffer; response: Buffer; secret: string }): boolean;
  }

  const codec: Codec;
  export default codec;
}
