import BridgeTesting
import Events
import Outcomes

/// The real parties of a live run. What happens there they know by themselves.
struct Parties: Outside {
    private let port: any EffectPort
    private let log: EffectsLog?

    init(_ port: any EffectPort, log: EffectsLog?) {
        self.port = port
        self.log = log
    }

    func happen(_ line: TraceLine) throws {
        guard line.source == .world else { return }
        throw TraceError("a world line: expected a delivery, found a script for a simulated outside; this program calls its real parties")
    }

    func performed(_ key: EffectKey) -> JSONValue? { nil }

    func kind(of operation: String) -> PartyKind { port.kind(of: operation) }

    /// What cannot be written into the log was performed all the same: nobody may take it for undone.
    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        let reply = try await port.perform(call)
        do { try log?.append(LedgerEntry(call, reply: reply)) } catch {
            throw EffectError(.unknownOutcome, vendorCode: "effects-log", message: "\(call.key): performed, and not in the log: \(error)")
        }
        return reply
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { try await port.reply(to: key) }

    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { try await port.read(query) }
}
