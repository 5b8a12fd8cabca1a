/** The committed declarations of the border say what the addon that was built exports. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { binding } from '../../src/native/load-binding.ts';
import { ROOT } from './source-tree.ts';

describe('binding.d.ts', () => {
  it('declares every class and function of the addon, and no other', () => {
    const text = readFileSync(join(ROOT, 'src/native/binding.d.ts'), 'utf8');
    const declared = [...text.matchAll(/^export declare (?:class|function) (\w+)/gm)].map((match) => match[1]);
    const exported = Object.keys(binding()).filter((name) => name !== 'default' && !name.startsWith('__'));
    expect(declared.length).toBeGreaterThan(3);
    expect(exported.toSorted()).toEqual(declared.toSorted());
  });

  it('declares every method of a class', () => {
    const text = readFileSync(join(ROOT, 'src/native/binding.d.ts'), 'utf8');
    for (const [, name = '', body = ''] of text.matchAll(/^export declare class (\w+) \{\n([\s\S]*?)^\}/gm)) {
      const declared = [...body.matchAll(/^ {2}(?:static )?(?:get )?(\w+)\(/gm)].map((match) => match[1]);
      const built: unknown = Reflect.get(binding(), name);
      if (typeof built !== 'function') throw new Error(`${name} is not a class of the addon`);
      const own = [...Object.getOwnPropertyNames(built.prototype), ...Object.getOwnPropertyNames(built)];
      const methods = own.filter(
        (one) => !['constructor', 'length', 'name', 'prototype', 'arguments', 'caller'].includes(one),
      );
      expect(methods.toSorted(), name).toEqual(declared.filter((one) => one !== 'constructor').toSorted());
    }
  });
});
