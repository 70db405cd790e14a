import ArgumentParser
import Bridge
import Events
import HybridRouter
import Outcomes
import SQLiteStorage

extension Migrate {
    /// `lockstep migrate quarantine`
    struct ShowQuarantine: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "quarantine", abstract: "Lists what was set aside, and why; everything else goes on without it.",
            discussion: """
                \(Program.name) migrate quarantine --database work.sqlite
                \(Program.name) migrate quarantine --database work.sqlite --format json

                An event that fails again and again, \(Program.aNoun) whose stored row cannot be read, a message that the engine refuses, an \
                effect that was begun and of which nobody knows whether it was done. Nothing of such \(Program.aNoun) is handled until \
                '\(Program.name) migrate release' or '\(Program.name) migrate settle'; its deliveries are kept.
                """)

        @Option(help: "The database file.") var database: String
        @Option(help: "Output: text or json.") var format: OutputFormat = .text

        func run() async throws {
            let items = try await SQLiteHandoffStore(try LockstepDatabase(path: database, readOnly: true)).quarantined()
            if format == .json { return Console.print(JSONValue.array(items.map(\.json)).canonicalText) }
            if items.isEmpty { return Console.print("nothing is set aside") }
            for item in items { Console.print(Console.visible("\(item.since) \(item.kind.rawValue) of \(item.entity): \(item.reason)")) }
        }
    }

    /// `lockstep migrate release`
    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets everything of \(Program.aNoun) that was set aside be handled again.",
            discussion: """
                \(Program.name) migrate release R-900001 --database work.sqlite

                Do it once the cause is gone: another build, a restored row, an engine that takes the message. A running process takes it \
                up with its next delivery. What is still bad is set aside again.

                Exit codes: 3 for \(Program.aNoun) of which nothing is set aside, or a database that cannot be written.
                """)

        @Argument(help: ArgumentHelp("The \(Program.nouns)' ids.", valueName: "id")) var registrations: [String]
        @OptionGroup var beside: BesideOptions

        func run() async throws {
            let desk = try await beside.open()
            let known = Set(try await desk.store.quarantined().map(\.entity))
            let unknown = registrations.filter { !known.contains(EntityID($0)) }
            guard unknown.isEmpty else {
                let ids = unknown.map { Console.visible($0) }.joined(separator: ", ")
                throw CommandFailure(
                    .environment, "\(ids): expected something set aside, found nothing; see '\(Program.name) migrate quarantine'")
            }
            for registration in registrations { _ = try await desk.store.release(EntityID(registration)) }
            let answer: JSONValue = ["released": .array(registrations.map { .string($0) })]
            Console.print(beside.format == .json ? answer.canonicalText : "released \(registrations.joined(separator: ", "))")
        }
    }

    /// `lockstep migrate settle`
    struct Settle: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what became of an effect that was begun and of which nobody knew whether it was done.",
            discussion: """
                \(Program.name) migrate settle R-900001/5.2/vetting.order/1 --done '{"receipt":"A7"}' --database work.sqlite
                \(Program.name) migrate settle R-900001/5.2/vetting.order/1 --not-done --database work.sqlite

                The other side can neither refuse a call that it knows nor say what it has done, so only a person can. With --done the \
                reply goes into the ledger and the call is never made again; with --not-done it is made when the \(Program.noun) goes on.

                Exit codes: 3 when no such effect waits, or the database cannot be written.
                """)

        @Argument(help: "The effect's key, as '\(Program.name) migrate quarantine' shows it.") var key: String
        @Option(help: ArgumentHelp("It was done, and this was the reply.", valueName: "json")) var done: String?
        @Flag(help: "It was not done.") var notDone = false
        @OptionGroup var beside: BesideOptions

        func validate() throws {
            guard (done != nil) != notDone else { throw ValidationError("expected --done or --not-done, one of the two") }
            if EffectKey(key) == nil { throw ValidationError("expected a key entity/step/operation/ordinal, found '\(key)'") }
        }

        func run() async throws {
            guard let key = EffectKey(key) else { return }
            let reply = try done.map { text in
                do { return try JSONValue(parsing: text) } catch { throw CommandFailure(.usage, "--done: \(error)") }
            }
            let desk = try await beside.open()
            guard try await desk.bridge.settle(key, reply: reply, at: desk.now()) else {
                throw CommandFailure(
                    .environment, "\(Console.visible(key.description)): expected an effect that waits, found none of this key")
            }
            let answer: JSONValue = ["settled": .string(key.description), "done": .bool(reply != nil)]
            Console.print(
                beside.format == .json ? answer.canonicalText : "\(key): \(reply == nil ? "not done; it will be" : "done"), and it goes on")
        }
    }
}

extension Quarantined {
    fileprivate var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "key": .string(key), Program.noun: .string(entity.rawValue), "reason": .string(reason),
            "since": .string(since.description),
        ]
    }
}
