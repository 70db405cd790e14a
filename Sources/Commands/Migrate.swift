import ArgumentParser
import Bridge
import Events
import HybridRouter
import SQLiteStorage

/// `lockstep migrate`
struct Migrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says where a migration stands, and moves \(Program.nouns) between the two sides while it runs.",
        discussion: """
            \(Program.name) migrate status --database work.sqlite
            \(Program.name) migrate halt --database work.sqlite
            \(Program.name) migrate recall R-900003 --database work.sqlite
            All work beside a running '\(Program.name) run', and while none runs; adopt needs a live one, or none.
            """,
        subcommands: [
            MigrateStatus.self, Halt.self, Resume.self, Recall.self, Adopt.self, ShowQuarantine.self, Release.self, Settle.self,
            Letters.self,
        ])
}

/// What halt, resume and recall write beside.
struct BesideOptions: ParsableArguments {
    @Option(help: "The database file.") var database: String
    @Option(help: "Wait at most so many seconds for a running process to end its transaction.") var wait: Double = 10
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func validate() throws {
        guard wait >= 0, wait <= 3600 else { throw ValidationError("--wait: expected 0 to 3600 seconds, found \(wait)") }
    }

    func open() async throws -> OperatorDesk { try await OperatorDesk(database, .beside(wait: .seconds(wait))) }
}

extension Migrate {
    /// `lockstep migrate halt`
    struct Halt: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Returns every step to legacy at its next boundary: the kill switch.",
            discussion: """
                \(Program.name) migrate halt --database work.sqlite

                One write, beside a running process or while none runs: nothing is handed off any more. What durable owns finishes its \
                step there and comes back to legacy after it; '\(Program.name) migrate recall' takes it back at once. Halting twice is halting \
                once.
                """)

        @OptionGroup var beside: BesideOptions

        func run() async throws {
            let desk = try await beside.open()
            let before = try await desk.store.haltedSince()
            if before == nil { try await desk.bridge.halt(at: desk.now()) }
            let census = try desk.store.census()
            guard beside.format == .text else { return Console.print(try JSONValue(encoding: HaltSummary(census, before)).canonicalText) }
            Console.print(
                """
                \(before == nil ? "halted" : "halted already, since \(before ?? "")"): every step returns to legacy at its next boundary; \
                \(Self.durable(census.durable))
                """)
        }

        private static func durable(_ count: Int) -> String {
            switch count {
            case 0: "no \(Program.noun) is durable now"
            case 1: "1 \(Program.noun) is durable now and finishes its step"
            default: "\(count) \(Program.nouns) are durable now and finish their step"
            }
        }
    }

    /// `lockstep migrate resume`
    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends a halt: from the next boundary on, steps go where the plan says.",
            discussion: """
                \(Program.name) migrate resume --database work.sqlite

                What passed a boundary during the halt stays with legacy in that step. Resuming what is not \
                halted changes nothing.
                """)

        @OptionGroup var beside: BesideOptions

        func run() async throws {
            let desk = try await beside.open()
            let before = try await desk.store.haltedSince()
            try await desk.bridge.resumeMigration()
            guard beside.format == .text else {
                return Console.print(try JSONValue(encoding: HaltSummary(try desk.store.census(), before)).canonicalText)
            }
            guard let before else { return Console.print("not halted: nothing to resume, steps go where the plan says") }
            Console.print("resumed: from the next boundary on, steps go where the plan says; it was halted since \(before)")
        }
    }
}

/// What halt and resume print as JSON.
private struct HaltSummary: Codable {
    var halted: Bool
    var since: String?
    var before: String?
    var durable: Int

    init(_ census: Census, _ before: String?) {
        halted = census.haltedSince != nil
        since = census.haltedSince
        self.before = before
        durable = census.durable
    }
}
