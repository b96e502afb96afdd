/** What RPC transports and modules with RPC methods use. */
export {
  type BinrpcHeader,
  binrpcFault,
  binrpcReply,
  binrpcRequest,
  parseBinrpcBody,
  parseBinrpcHeader,
} from './binrpc.ts';
export { isMulticast } from './core-rpc.ts';
export * from './fifo.ts';
export * from './json-rpc.ts';
export * from './json-text.ts';
export * from './memory.ts';
export { mergeLists, mergeSum } from './merge.ts';
export * from './registry.ts';
export * from './socket-file.ts';
export { StreamServer } from './stream-server.ts';
