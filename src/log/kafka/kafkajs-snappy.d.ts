declare module 'kafkajs-snappy' {
  /** compress() takes an object with the bytes in `buffer`. */
  export default function createCodec(): {
    compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>
    decompress(bytes: Buffer): Promise<Buffer>
  }
}
