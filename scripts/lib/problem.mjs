/** Something is missing that this script cannot get by itself. The message says what, and how to get it. */
export class SetupProblem extends Error {
  /**
   * @param {string} missing what is missing, with the least version that will do
   * @param {string} remedy the command or the change that gets it
   */
  constructor(missing, remedy) {
    super(`${missing}\n  to get it: ${remedy}`);
    this.name = 'SetupProblem';
  }
}
