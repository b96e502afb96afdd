import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heapMemory, SharedHeap } from 'strowger';
import { NonceState } from './nonce-state.ts';

const make = (memory = heapMemory(1), first = 7): NonceState => new NonceState(new SharedHeap(memory), 32, 64, first);

test('a count must rise and stays below 256', () => {
  const state = make();
  const id = state.next();
  assert.equal(state.useCount(id, 0), 'old');
  assert.equal(state.useCount(id, 1), 'fresh');
  assert.equal(state.useCount(id, 1), 'old');
  assert.equal(state.useCount(id, 3), 'fresh');
  assert.equal(state.useCount(id, 2), 'old');
  assert.equal(state.useCount(id, 255), 'fresh');
  assert.equal(state.useCount(id, 256), 'old');
});

test('a nonce is used once', () => {
  const state = make();
  const first = state.next();
  const second = state.next();
  assert.equal(state.useOnce(first), 'fresh');
  assert.equal(state.useOnce(first), 'used');
  assert.equal(state.useOnce(second), 'fresh');
});

test('what is no longer, or not yet, remembered is old', () => {
  const state = make(undefined, 0xffff_fff0);
  const id = state.next();
  assert.equal(state.useOnce(id + 1), 'old');
  for (let i = 0; i < 32; i++) state.next();
  assert.equal(state.useCount(id, 9), 'old');
  assert.equal(state.useOnce(id), 'fresh');
  for (let i = 0; i < 32; i++) state.next();
  assert.equal(state.useOnce(id), 'old');
});

test('a new nonce does not inherit what its place held', () => {
  const state = make();
  const id = state.next();
  state.useOnce(id);
  state.useCount(id, 200);
  let again = id;
  for (let i = 0; i < 64; i++) again = state.next();
  assert.equal(again, id + 64);
  assert.equal(state.useOnce(again), 'fresh');
  assert.equal(state.useCount(again, 1), 'fresh');
});

test('two workers see each other’s use', () => {
  const memory = heapMemory(1);
  const [one, two] = [make(memory, 100), make(memory, 900)];
  const id = one.next();
  assert.equal(id, 100);
  assert.equal(two.next(), 101);
  assert.equal(two.useOnce(id), 'fresh');
  assert.equal(one.useOnce(id), 'used');
  assert.equal(one.useCount(id, 5), 'fresh');
  assert.equal(two.useCount(id, 5), 'old');
});
