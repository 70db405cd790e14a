import Bridge
import Cutover
import DurableWorkflow
import Events
import FoundationEssentials
import HybridRouter
import LegacyStateMachine

/// An app as the verbs see it, whichever machine it has.
protocol Application: Sendable {
    associatedtype State: MachineState
    associatedtype Record: Codable & Sendable

    /// The app with its types.
    var typed: LockstepApp<State, Record> { get }
}

/// The app that this process is.
enum Program {
    @TaskLocal static var running: (any Application)?

    static var app: any Application {
        get throws {
            guard let running else { throw CommandFailure(.environment, "expected a program that was started with its app, found none") }
            return running
        }
    }

    /// The app, for a verb that plays legacy beside the durable side.
    static var appWithLegacy: any Application {
        get throws {
            let app = try app
            guard app.hasLegacy else {
                throw CommandFailure(
                    .usage,
                    "expected a program with the legacy machine, which this verb plays, found one that has retired it; use one that has it")
            }
            return app
        }
    }

    /// The command's name, as its user types it.
    static var name: String { running?.name ?? "lockstep" }
    /// What one entity is called.
    static var noun: String { running?.noun.one ?? "entity" }
    /// One of them, with its article.
    static var aNoun: String { ("aeiou".contains(noun.first ?? "x") ? "an " : "a ") + noun }
    /// What several are called.
    /// `1 registration`, `2 registrations`.
    static func counted(_ entities: Int) -> String { entities.counted(noun, nouns) }
    static var nouns: String { running?.noun.many ?? "entities" }
}

extension Application {
    var name: String { typed.name }
    var noun: Noun { typed.noun }
    var processSteps: ProcessSteps { typed.domain.processSteps }
    var machineDescription: MachineDescription { typed.domain.machineDescription }
    var hasLegacy: Bool { typed.domain.map == nil }
    var machineMap: LegacyMachine { typed.domain.machineMap }

    /// The plan in a file; the app's own without a file.
    func plan(_ file: String?) throws -> MigrationPlan {
        guard let file else { return try typed.plan.read() }
        return try AppPlan.file(file).read()
    }

    /// The simulated outside. Throws when the domain has none.
    func simulation() throws -> any AppSimulation {
        guard let simulation = typed.simulation else {
            throw CommandFailure(
                .usage, "expected a domain with a simulated outside, found one without; give its LockstepApp a simulation")
        }
        return simulation
    }

    /// The folders of the app's own scenarios, by name.
    func fixtureFolders() throws -> [String] {
        guard let path = typed.fixtures else {
            throw CommandFailure(
                .usage, "expected folders or files to play, found none; name some, since this program has no scenarios of its own")
        }
        let folder = AppFiles.find(path) ?? path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let folders = names.sorted().map { "\(folder)/\($0)" }.filter { FileManager.default.fileExists(atPath: "\($0)/events.jsonl") }
        guard !folders.isEmpty else {
            throw CommandFailure(.environment, "\(folder): expected the recorded fixtures, found none; name folders or files to run")
        }
        return folders
    }

    /// The code of all workflows that this program has.
    func workflowTypes() throws -> [WorkflowType] {
        try AppRun(typed, RunOptions(mode: .hybrid, plan: try typed.plan.read(), database: ":memory:")).engine.workflowTypes
    }
}

extension JSONValue {
    /// The document with the members `registration` and `registrations` named after what the app calls an entity.
    var inTheWordsOfTheApp: JSONValue {
        switch self {
        case .array(let elements): .array(elements.map(\.inTheWordsOfTheApp))
        case .object(let members):
            .object(Dictionary(members.map { (Self.word($0.key), $0.value.inTheWordsOfTheApp) }, uniquingKeysWith: { $1 }))
        default: self
        }
    }

    private static func word(_ member: String) -> String {
        switch member {
        case "registration": Program.noun
        case "registrations": Program.nouns
        default: member
        }
    }
}

extension Program {
    /// The command of this process, as a shell takes it.
    static var invocation: String {
        ([name] + CommandLine.arguments.dropFirst()).map { word in
            let isPlain = !word.isEmpty && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=:,@%+".contains($0)) }
            return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
        }.joined(separator: " ")
    }
}
