import Foundation
import LockstepTesting
import Registrations
import Testing

extension LegacyServiceTests {
    /// The conformance suite against the reference service, and against six that make one mistake each.
    @Suite(.serialized, .timeLimit(.minutes(3))) struct ServiceLawTests {
        private func breaches(_ options: String...) async throws -> Set<String> {
            let service =
                options.isEmpty ? try ReferenceService("--cron-every", "3600") : try ReferenceService("--wrong", options[0])
            let http = try HTTPLegacy(service.url)
            let example = try String(contentsOfFile: ReferenceService.example, encoding: .utf8).split(separator: "\n").map { line in
                let json = try JSONValue(parsing: String(line))
                return LegacyServiceLaws.Step(EventKind(json["kind"]?.string ?? ""), json["payload"] ?? [:])
            }
            let laws = LegacyServiceLaws(http, example: example, change: ["score": 80], prefix: "check") {
                try await http.tick(seconds: $0)
            }
            return Set(try await laws.breaches().map(\.law))
        }

        @Test func theReferenceServiceKeepsEveryLaw() async throws { #expect(try await breaches() == []) }

        @Test(arguments: [
            ("repeats", ["handle.once"]), ("ignores-epochs", ["release.epoch", "take.epoch"]),
            ("ignores-versions", ["handle.version", "release.version"]), ("acts-released", ["release.quiet"]),
            ("loses-records", ["take.record"]), ("hides-moves", ["changes.alone"]),
        ]) func aWrongServiceBreaksTheLawOfItsMistake(mistake: String, laws: [String]) async throws {
            #expect(try await breaches(mistake) == Set(laws))
        }

        @Test func theServiceIsTheMachineThatTheBridgeWasGiven() async throws {
            let service = try ReferenceService()
            #expect(try await HTTPLegacy(service.url).machine() == LegacyMachine(parsing: registrationMachine))
        }

        /// The document is judged by a validator of OpenAPI, each kind of answer by one of JSON Schema.
        @Test(.enabled(if: ProcessInfo.processInfo.environment["TEMPORAL_PYTHON"] != nil, "Tests/run.sh installs the validators"))
        func theServiceAnswersAsTheDocumentSays() throws {
            let service = try ReferenceService()
            let python = try #require(ProcessInfo.processInfo.environment["TEMPORAL_PYTHON"])
            let document = ReferenceService.root + "/Sources/Bridge/Documentation.docc/Resources/legacy-service.json"
            let said = try ReferenceService.run(python, [ReferenceService.files + "/check_openapi.py", document, service.url])
            #expect(said.contains("17 kinds of answers"))
        }
    }
}
