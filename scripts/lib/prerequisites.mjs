/** What has to be on the machine before anything can be built: Node, cargo, a C compiler, Debian programs. */
import { SetupProblem } from './problem.mjs';
import { hasProgram, outputOf, run } from './process.mjs';

/** `engines` of package.json: of the first of these lines from here on, and everything from the second on. */
const NODE_LEAST = [
  [20, 19],
  [22, 12],
];
/** `rust-version` of native/Cargo.toml. */
const CARGO_LEAST = [1, 88];

/** Programs of the demo and of the end-to-end tests, with the Debian package of each. */
const NETWORK_PROGRAMS = {
  ip: 'iproute2',
  ping: 'iputils-ping',
  traceroute: 'traceroute',
  curl: 'curl',
  nft: 'nftables',
  dig: 'bind9-dnsutils',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  perl: 'perl-base',
};

/** Programs of single end-to-end tests, which are skipped where they are missing. */
const TEST_PROGRAMS = {
  turnserver: 'coturn',
  turnutils_natdiscovery: 'coturn',
  'ip6tables-restore': 'iptables',
  tc: 'iproute2',
  tcpdump: 'tcpdump',
  valgrind: 'valgrind',
};

/** Programs of single jobs, which only they ask for. */
const JOB_PROGRAMS = { 'bench:wire': { iperf3: 'iperf3', 'ip6tables-restore': 'iptables' } };

/** Services that come with a package and that nobody asked for: masked before it is installed, so they never run. */
const SERVICES = { coturn: 'coturn.service', iperf3: 'iperf3.service' };

/** `cc` links the addon; the others let the optional dependency raw-socket compile. */
const BUILD_PROGRAMS = { cc: 'gcc', 'c++': 'g++', make: 'make', python3: 'python3' };

export function checkNode() {
  if (!isSupportedNode(process.versions.node)) {
    const [older, newer] = NODE_LEAST.map((least) => least.join('.'));
    throw new SetupProblem(
      `Node ${older} or newer of the same line, or ${newer} or newer, is needed; this is ${process.versions.node}`,
      'https://nodejs.org/en/download (or: nvm install 20)',
    );
  }
  if (process.platform !== 'linux') {
    throw new SetupProblem(`nptd drives Linux TAP devices; this is ${process.platform}`, 'run it on a Linux machine');
  }
}

export function checkCargo() {
  const version = outputOf('cargo', '--version')?.match(/\d+\.\d+\.\d+/)?.[0];
  const remedy = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . ~/.cargo/env";
  if (version === undefined) {
    throw new SetupProblem(
      `cargo ${CARGO_LEAST.join('.')} or newer is needed to build the data path; there is none`,
      remedy,
    );
  }
  if (!reaches(version, CARGO_LEAST)) {
    throw new SetupProblem(
      `cargo ${CARGO_LEAST.join('.')} or newer is needed; this is ${version}`,
      `rustup update stable, or: ${remedy}`,
    );
  }
}

export function checkCompiler() {
  if (!hasProgram('cc')) throw new SetupProblem('a C compiler (cc) is needed to link the addon', 'apt-get install gcc');
}

/** Programs of the demo and the end-to-end tests that are not there. */
export function missingNetworkPrograms() {
  return Object.keys(NETWORK_PROGRAMS).filter((program) => !hasProgram(program));
}

/** Programs that one job alone needs and that are not there. */
export function missingPrograms(job) {
  return Object.keys(programsOf(job)).filter((program) => !hasProgram(program));
}

function programsOf(job) {
  return Object.hasOwn(JOB_PROGRAMS, job) ? JOB_PROGRAMS[job] : {};
}

/** The command that installs the packages of these programs. */
export function installCommand(programs) {
  return `apt-get install ${packagesOf(programs).join(' ')}`;
}

/**
 * Installs the Debian packages of missing programs, where that can be done: as root on a Debian-like system.
 * @param {string} job whose own programs are wanted as well
 */
export async function installPrograms(step, job) {
  if (process.getuid?.() !== 0 || !hasProgram('apt-get')) return;
  // One group a run of apt-get: what only some tests want must not keep the rest from being installed.
  for (const group of [{ ...BUILD_PROGRAMS, ...NETWORK_PROGRAMS }, TEST_PROGRAMS, programsOf(job)]) {
    const missing = Object.keys(group).filter((program) => !hasProgram(program));
    if (missing.length === 0) continue;
    const packages = packagesOf(missing);
    await step(`Debian packages ${packages.join(' ')} (for ${missing.join(', ')})`, () => installPackages(packages));
  }
}

async function installPackages(packages) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages];
  let text = '';
  const options = { env, quiet: true, secondsMax: 300, onText: (more) => (text += more) };
  await run(['apt-get', 'update', '-q'], options);
  maskServices(packages);
  const { code } = await run(install, options);
  if (code !== 0) process.stderr.write(text);
}

/** `systemctl unmask` takes it back. Without systemd the services wait for their defaults file to switch them on. */
function maskServices(packages) {
  if (!hasProgram('systemctl')) return;
  for (const name of packages) if (Object.hasOwn(SERVICES, name)) outputOf('systemctl', 'mask', SERVICES[name]);
}

function packagesOf(programs) {
  const all = Object.assign({}, BUILD_PROGRAMS, NETWORK_PROGRAMS, TEST_PROGRAMS, ...Object.values(JOB_PROGRAMS));
  return [...new Set(programs.map((program) => all[program] ?? program))];
}

function isSupportedNode(version) {
  const [older, newer] = NODE_LEAST;
  return reaches(version, newer) || (reaches(version, older) && !reaches(version, [older[0] + 1, 0]));
}

function reaches(version, least) {
  const parts = version.split('.').map(Number);
  for (const [index, wanted] of least.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
