import ExtendedLegacy
import Foundation
import LegacyFixtures
import LegacyStateMachine
import Migrations
import Outcomes
import Testing

/// The figures of `machine --diff 5.2` are what the sources say. `LOCKSTEP_RECORD=1` writes them anew.
@Suite struct MeasuredExtensionTests {
    private static let root = URL(filePath: LegacyFixtures.folder).deletingLastPathComponent()

    private static func text(_ path: String) throws -> String { try String(contentsOf: root.appending(path: path), encoding: .utf8) }

    /// The text without its imports: the extended table is one module, and the original two.
    private static func code(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).filter { $0.prefixMatch(of: #/(public |package )?import /#) == nil }
            .joined(separator: "\n")
    }

    private static func touched(_ path: String, before: String?, after: String) -> TouchedFile {
        TouchedFile(path, before: before.map(code), after: code(after))
    }

    /// The step's words stand in a file of their own that either side needs.
    private static let words = "Sources/A2PRegistration/Durable/VettingWords.swift"

    /// The files of the extended table that are no links, against the originals.
    private static func legacy() throws -> [TouchedFile] {
        let folder = "Tests/ExtendedLegacy"
        let paths = FileManager.default.enumerator(atPath: root.appending(path: folder).path)?.compactMap { $0 as? String } ?? []
        let own = try paths.filter { $0.hasSuffix(".swift") }.sorted().filter { path in
            try root.appending(path: "\(folder)/\(path)").resourceValues(forKeys: [.isSymbolicLinkKey]).isSymbolicLink == false
        }
        let files = try own.map { path in
            touched("Sources/\(path)", before: try? text("Sources/\(path)"), after: try text("\(folder)/\(path)"))
        }
        return files.filter { $0.added + $0.removed > 0 } + [touched(words, before: nil, after: try text(words))]
    }

    /// The step's files, its element in the list of steps, its entry in the plan.
    private static func durable() throws -> [TouchedFile] {
        let (step, list, plan) = (
            "Sources/A2PRegistration/Durable/Vetting.swift", "Sources/A2PRetired/RetiredDomain.swift", "Migrations/Plans/hybrid-5.2.yaml"
        )
        let (steps, plans) = (try text(list), try text(plan))
        let unlisted = steps.replacing("Vetting.step, ", with: "")
        let entry = try #require(plans.firstMatch(of: #/  - step: 5\.2\n(    .*\n)+/#)).range
        #expect(unlisted != steps)
        return [
            touched(step, before: nil, after: try text(step)), touched(words, before: nil, after: try text(words)),
            touched(list, before: unlisted, after: steps),
            touched(plan, before: plans.replacingCharacters(in: entry, with: ""), after: plans),
        ]
    }

    @Test func theFileIsWhatTheSourcesSay() throws {
        let measured = MachineExtension(
            step: "5.2", machine: A2PMachine.machine.description, legacy: try Self.legacy(), durable: try Self.durable())
        let file = Self.root.appending(path: EmbeddedMachines.vettingName)
        if ProcessInfo.processInfo.environment["LOCKSTEP_RECORD"] != nil {
            try measured.text.write(to: file, atomically: true, encoding: .utf8)
        }
        let stored = try MachineExtension(parsing: try String(contentsOf: file, encoding: .utf8))
        let remedy = "\(EmbeddedMachines.vettingName) is stale: LOCKSTEP_RECORD=1 swift test --filter MeasuredExtensionTests writes it anew"
        #expect(stored.machine == measured.machine, "\(remedy)")
        #expect(stored.legacy == measured.legacy, "\(remedy)")
        #expect(stored.durable == measured.durable, "\(remedy)")
        #expect(try MachineExtension(parsing: EmbeddedMachines.vetting) == stored, "build again: the binary has another one")
    }

    /// What the extension did not touch is what it was: a change of the original has to be made in its copy as well.
    @Test func untouchedFilesAreTheOriginals() throws {
        for name in ["IntakeAndBrand", "CarriersAndNumbers"] {
            let (original, copy) = ("Sources/A2PLegacy/\(name).swift", "Tests/ExtendedLegacy/A2PLegacy/\(name).swift")
            #expect(Self.code(try Self.text(original)) == Self.code(try Self.text(copy)), "make \(copy) what \(original) is")
        }
    }
}
