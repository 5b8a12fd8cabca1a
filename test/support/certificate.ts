/** A certificate that vouches for itself, made by openssl. */
import { join } from 'node:path';
import { runOrThrow } from '../../src/demo/processes.ts';

export interface Certificate {
  /** Files in PEM. */
  readonly key: string;
  readonly certificate: string;
}

/** @param names alternative names, as `DNS:a.example` and `IP:192.0.2.1` */
export async function makeCertificate(folder: string, ...names: string[]): Promise<Certificate> {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const what = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=test', '-days', '2'];
  const extension = ['-addext', `subjectAltName=${names.join(',')}`];
  await runOrThrow(['openssl', 'req', '-x509', ...what, ...extension, '-keyout', key, '-out', certificate]);
  return { key, certificate };
}
