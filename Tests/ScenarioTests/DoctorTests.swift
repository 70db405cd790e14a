import Events
import Foundation
import Testing

/// `lockstep doctor` finds what is wrong, and says one thing to do about each.
@Suite struct DoctorTests {
    private let path = NSTemporaryDirectory() + "lockstep-doctor-\(UUID().uuidString).sqlite"

    private func findings(_ arguments: String...) throws -> (code: Int32, problems: [String: String], checks: [String]) {
        let result = try Lockstep.run(["doctor", "--format", "json"] + arguments)
        let findings = try #require(result.json?.array)
        let problems = findings.compactMap { finding in finding["remedy"]?.string.map { (finding["check"]?.string ?? "", $0) } }
        return (result.code, Dictionary(problems, uniquingKeysWith: { $1 }), findings.compactMap { $0["check"]?.string })
    }

    private func make() throws {
        let run = try Lockstep.run(["run", "LegacyFixtures/happy-non-profit", "--database", path])
        #expect(run.code == 0, "\(run.error)")
    }

    private func remove() {
        TemporaryDatabase.remove(path)
    }

    @Test func aHealthyMachineHasNoProblem() throws {
        let found = try findings()
        #expect(found.code == 0)
        #expect(found.problems == [:])
        #expect(found.checks == ["program", "plan", "clock", "cache folder"])
    }

    @Test func aHealthyDatabaseHasNoProblem() throws {
        defer { remove() }
        try make()
        let found = try findings("--database", path)
        #expect(found.code == 0)
        #expect(found.problems == [:])
        #expect(found.checks.suffix(6) == ["last change", "disk", "content", "machine", "set aside", "migration"])
    }

    @Test func eachProblemHasItsRemedy() throws {
        defer { remove() }
        #expect(try findings("--database", path).problems.keys.sorted() == ["database"])
        try make()
        #expect(try Lockstep.run(["migrate", "halt", "--database", path]).code == 0)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        try FileManager.default.setAttributes([.modificationDate: Date().addingTimeInterval(86_400)], ofItemAtPath: path)
        let found = try findings("--database", path)
        #expect(found.code == 3)
        #expect(found.problems.keys.sorted() == ["file", "last change", "migration"])
        #expect(found.problems["migration"]?.contains("lockstep migrate resume") == true)
    }

    @Test func aFileThatIsNoDatabaseIsAProblem() throws {
        defer { remove() }
        try Data("no database at all, but long enough to be read as a page of one".utf8).write(to: URL(filePath: path))
        let found = try findings("--database", path)
        #expect(found.code == 3)
        #expect(found.problems["database"] != nil)
    }

    @Test func theVersionIsSaid() throws {
        let result = try Lockstep.run(["--version"])
        #expect(result.code == 0)
        #expect(result.output.hasPrefix("lockstep, Lockstep "))
    }

    /// The parser makes completions for the shells that it knows, and the manual's plugin reads the same description.
    @Test(arguments: ["bash", "zsh", "fish"]) func completionsAreMade(shell: String) throws {
        let result = try Lockstep.run(["--generate-completion-script", shell])
        #expect(result.code == 0)
        #expect(result.output.contains("doctor"))
    }
}
