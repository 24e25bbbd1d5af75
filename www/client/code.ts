/** The numbers of `src/core/error.rs`, and those of this side, that are used here by name. What they mean is told in `errors.ts`. */

/** The codes that this side refuses by, under their names in the table. */
export enum Code {
  InvalidOption = 7000,
  Stopped = 7001,
  MessageEmpty = 7002,
  MessageTooLong = 7003,
  OutboxFull = 7004,
  UnknownMessage = 7006,
  NotRetryable = 7007,
  SessionEnded = 7011,
  MessageExpired = 7012,
  NotConnected = 7032,
  AuthRequired = 7037,
  Unsupported = 7038,

  WasmBlocked = 7100,
  NotLoaded = 7101,
  Restarted = 7102,
  NoWebSocket = 7103,
  Cancelled = 7104,
  NotInitialised = 7105,
  SecretInPage = 7106,
}
