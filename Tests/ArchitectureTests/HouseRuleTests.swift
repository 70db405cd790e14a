import Foundation
import Testing

private let banned: Set = ["Core", "Common", "Shared", "Utils", "Helpers", "Models", "Manager", "Migration"]

@Suite struct HouseRuleTests {
    @Test func topLevelIsWhatTheReadmeSays() throws {
        let expected: Set = ["Package.swift", "Sources", "Tests", "Migrations", "LegacyFixtures", "README.md", "LICENSE"]
        let found = try FileManager.default.contentsOfDirectory(atPath: Checkout.root.path).filter {
            !$0.hasPrefix(".") && $0 != "Package.resolved"
        }
        #expect(Set(found) == expected)
    }

    @Test func filesAndFunctionsAreShort() throws {
        for file in Checkout.files("Sources", ".swift") + Checkout.files("Tests", ".swift") {
            let text = try Checkout.text(file)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).count
            #expect(lines <= 400, "\(file) has \(lines) lines; split it by what it is about")
            for function in Scanner.functions(text) {
                #expect(function.lines <= 70, "\(file): \(function.name) has \(function.lines) lines; aim for 15")
            }
        }
    }

    @Test func namesSayWhatThingsAre() throws {
        for file in Checkout.files("Sources", ".swift") {
            let folders = file.split(separator: "/").map(String.init)
            for type in Scanner.types(try Checkout.text(file)) {
                #expect(
                    !banned.contains(type) && !type.hasSuffix("Manager") && !type.hasSuffix("Helper"),
                    "\(file): \(type) says nothing; name the thing")
                #expect(type != folders[1], "\(file): a type named like its module breaks qualified names")
            }
            #expect(banned.isDisjoint(with: folders), "\(file): name the folder after its content")
        }
    }

    @Test func nothingIsForced() throws {
        let executor: Set = ["Sources/DurableWorkflow/Code/WorkflowContext.swift", "Sources/DurableWorkflow/Replay/LiveWorkflow.swift"]
        for file in Checkout.files("Sources", ".swift") {
            let text = try Checkout.text(file)
            #expect(!text.contains("try!"), "\(file): throw a sentence instead")
            #expect(executor.contains(file) || !text.contains("@unchecked Sendable"), "\(file): use Mutex, or an actor")
        }
    }

    /// Who uses an engine knows the port; the class is named where one is made.
    @Test func theEngineIsAPort() throws {
        let makers: Set = ["Sources/Bridge/InMemoryEngine.swift", "Sources/Commands/Engines.swift"]
        let modules = ["Bridge", "Commands", "MigrationReport", "ShadowComparator", "Cutover", "A2PApp", "A2PRegistration", "LegacyHTTP"]
        var found: Set<String> = []
        for file in modules.flatMap({ Checkout.files("Sources/\($0)", ".swift") })
        where try Checkout.text(file).contains(/\b(EmbeddedEngine|WorkflowWorker)\b/) { found.insert(file) }
        #expect(found == makers, "name `any DurableEngine`; an engine is made in one file of a module")
    }

    /// An engine has its own clock; its methods with a moment are the package's own.
    @Test func nobodyTellsAnEngineTheTime() throws {
        for file in Checkout.files("Sources/DurableWorkflow", ".swift") {
            for declaration in Scanner.publicInterface(try Checkout.text(file)) {
                #expect(!declaration.contains("now: Timestamp"), "\(file): \(declaration): read the engine's clock, or make it package")
            }
        }
    }

    @Test func aCountedNounHasTwoForms() throws {
        for module in [
            "Commands", "MigrationReport", "Bridge", "Cutover", "ShadowComparator", "LegacyStateMachine", "LegacyHTTP", "A2PApp",
        ] {
            for file in Checkout.files("Sources/\(module)", ".swift") {
                let nouns = Scanner.countedNouns(try Checkout.text(file))
                #expect(nouns.isEmpty, "\(file): write \(nouns) with Int.counted: there may be one of them")
            }
        }
    }

    @Test func noTargetIsEmpty() {
        #expect((Checkout.files("Sources", "Placeholder.swift") + Checkout.files("Tests", "Placeholder.swift")).isEmpty)
    }

    @Test func linksLeadSomewhere() throws {
        for file in ["README.md"] + Checkout.files("Sources", ".md") + Checkout.files("LegacyFixtures", ".md") {
            let folder = Checkout.root.appending(path: file).deletingLastPathComponent()
            for link in Scanner.links(try Checkout.text(file)) {
                #expect(FileManager.default.fileExists(atPath: folder.appending(path: link).path), "\(file): \(link) does not exist")
            }
        }
    }

    @Test func theReadmeFitsAPage() throws {
        #expect(try Checkout.text("README.md").split(separator: "\n", omittingEmptySubsequences: false).count < 110)
    }

    @Test func everyFixtureIsWhole() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Checkout.root.appending(path: "LegacyFixtures").path).filter {
            !$0.contains(".")
        }
        #expect(names.count >= 45)
        for name in names {
            let files = Set(
                try FileManager.default.contentsOfDirectory(atPath: Checkout.root.appending(path: "LegacyFixtures/\(name)").path))
            #expect(files == ["events.jsonl", "outcome.json", "README.md"], "\(name)")
            let outcome = try Checkout.text("LegacyFixtures/\(name)/outcome.json")
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(outcome.utf8)) }
        }
    }

    @Test(arguments: [
        ("BringYourOwnMachine", "ParcelClaims"), ("DurableWorkflows", "DurableWorkflowTests"),
    ]) func aGuideQuotesCodeThatIsTested(guide: String, folder: String) throws {
        let tutorial = try Checkout.text("Sources/Bridge/Documentation.docc/\(guide).md")
        let code = try Checkout.files("Tests/\(folder)", ".swift").map(Checkout.text)
        let blocks = tutorial.split(separator: "```swift\n").dropFirst().map { $0.split(separator: "```")[0] }
        #expect(blocks.count >= 4)
        for block in blocks {
            #expect(code.contains { $0.contains(block) }, "the guide quotes code that nothing compiles:\n\(block)")
        }
    }
}

/// The scanners find what they are for.
@Suite struct ScannerTests {
    @Test func imports() {
        #expect(Scanner.imports("import A\npublic import B\n@testable import C\n// import D\nlet x = \"import E\"") == ["A", "B", "C"])
        #expect(Scanner.imports("import struct A.B\nprivate import class C.D") == ["A", "C"])
    }

    @Test func publicInterface() {
        let text = "public func a(\n    b: Int, at now: C\n) {\n}\nfunc d(at now: C) {}\npublic protocol E {\n    func f()\n}\nlet g = 1\n"
        #expect(Scanner.publicInterface(text) == ["public func a(\n    b: Int, at now: C\n) ", "public protocol E {\n    func f()\n}"])
    }

    @Test func functions() {
        let text = "struct A {\n    func short() {\n        1\n    }\n    func one() { 2 }\n}\n"
        #expect(Scanner.functions(text).map(\.lines) == [3])
    }

    @Test func types() { #expect(Scanner.types("public struct A: B {\nfinal class C {\nlet enumeration = 1") == ["A", "C"]) }

    @Test func countedNouns() {
        #expect(Scanner.countedNouns(#"let a = "\(files.count) files and \(Text.number(cases)) cases""#) == ["files", "cases"])
        #expect(Scanner.countedNouns(#"let a = "\(lost) deliveries""#) == ["deliveries"])
        #expect(Scanner.countedNouns(#"let a = "\(files.count.counted("file")), \(name) is, \(step) was, \(limit) bytes""#) == [])
    }

    @Test func links() { #expect(Scanner.links("[a](b.md) [c](https://x) [d](e.md#f)") == ["b.md", "e.md"]) }
}
