import DurableWorkflow
import Events
import Outcomes

/// The parties of a process that calls none.
struct Nobody: EffectPort {
    private static let refusal = "expected a process that runs the database, found a move beside it; see '\(Program.name) run'"

    /// The engine of such a process.
    static var engine: AbsentEngine { AbsentEngine(CommandFailure(.environment, refusal)) }

    func kind(of operation: String) -> PartyKind { .refusesKnownKeys }
    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue { throw refused }
    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { throw refused }
    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { throw refused }

    private var refused: EffectError { EffectError(.refused, vendorCode: "", message: Self.refusal) }
}
