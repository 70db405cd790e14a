import Events
import Foundation
import Testing

/// `lockstep generate` writes what it records part by part.
@Suite struct GenerateTests {
    private func generate(_ count: Int, _ name: String) throws -> [TraceLine] {
        let path = NSTemporaryDirectory() + "lockstep-generate-\(UUID().uuidString)-\(name).jsonl"
        let result = try Lockstep.run(["generate", "--registrations", String(count), "--seed", "11", "--output", path])
        #expect(result.code == 0)
        let url = URL(filePath: path)
        let beside = try FileManager.default.contentsOfDirectory(atPath: url.deletingLastPathComponent().path)
        #expect(beside.filter { $0.hasPrefix(url.lastPathComponent) } == [url.lastPathComponent], "the spool has gone")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.hasSuffix("\n"))
        return try text.split(separator: "\n").map { try TraceLine(parsing: String($0)) }
    }

    /// 210 registrations are two parts: they lie between each other, and each registration is as in a smaller trace.
    @Test func partsBecomeOneTraceInOrder() throws {
        let lines = try generate(210, "two")
        #expect(zip(lines, lines.dropFirst()).allSatisfy { $0.receivedAt <= $1.receivedAt })
        let last = lines.lastIndex { $0.text.contains("R-000001\"") } ?? 0
        let first = lines.firstIndex { $0.text.contains("R-000210\"") } ?? .max
        #expect(first < last, "the parts overlap")
        #expect(Set(lines.compactMap { $0.body["type"] == "registration.submit" ? $0.body["registration"]?.string : nil }).count == 210)
    }
}
