import { expect, it } from 'vitest';
import { fileJsonSchema } from '../../../src/config/schema.ts';

it('docs/nptd.schema.json is that of the code (renew it with: npx vitest run test/unit/config/schema.test.ts -u)', async () => {
  const text = `${JSON.stringify(fileJsonSchema(), undefined, 2)}\n`;
  await expect(text).toMatchFileSnapshot('../../../docs/nptd.schema.json');
});
