import DurableWorkflow
import Events
import Foundation
import Testing

/// Crons come when Temporal's server says; its answers were asked for once, see `Temporal/cron_answers.py`.
@Suite struct CronTests {
    private struct Answer: Decodable {
        let kind: String
        let cron: String
        let after: String?
        let next: [String]?
        let backoff: Double?
        let refused: String?
    }

    private static func answers(_ kind: String) throws -> [Answer] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Temporal/CronAnswers.json")
        return try JSONDecoder().decode([Answer].self, from: Data(contentsOf: file)).filter { $0.kind == kind }
    }

    /// Where the server differs from the wall clock, and this engine does not. In zones that are ahead of UTC the server leaves out moments
    /// of an hour that a time change repeats; of one that skips half an hour it makes a moment that no clock shows; and Sunday is not in
    /// its `1-7`, though it is its own `7`.
    private static let differences: [String: Set<String>] = [
        "0 0 * * 1-7": ["2027-03-01T00:00:00Z"],
        "CRON_TZ=Antarctica/Troll 30 1 * * *": ["2027-10-30T12:00:00Z"],
        "CRON_TZ=Asia/Gaza 0 0 * * SAT": ["2027-10-02T12:00:00Z"],
        "CRON_TZ=Australia/Lord_Howe */30 1-3 * * *": ["2027-04-02T12:00:00Z"],
        "CRON_TZ=Australia/Lord_Howe 15 2 * 4,10 *": ["2027-10-02T12:00:00Z"],
        "CRON_TZ=Europe/Berlin 15,45 0-4 * * *": ["2027-10-30T12:00:00Z"],
        "CRON_TZ=Europe/Berlin 30 2 * * *": ["2027-10-30T12:00:00Z"],
        "CRON_TZ=Europe/Berlin 30 2 31 10 *": [
            "2027-03-13T12:00:00Z", "2027-03-27T12:00:00Z", "2027-04-02T12:00:00Z", "2027-10-02T12:00:00Z", "2027-10-30T12:00:00Z",
            "2027-11-06T12:00:00Z",
        ],
        "CRON_TZ=Europe/London 15 1 * * *": ["2027-10-30T12:00:00Z"],
        "CRON_TZ=Pacific/Chatham 0 3 * * SUN": ["2027-03-13T12:00:00Z", "2027-03-27T12:00:00Z", "2027-04-02T12:00:00Z"],
    ]

    private func moments(_ cron: String, after text: String, count: Int) throws -> [String] {
        let expression = try CronExpression(cron, .schedule)
        // The server's moments begin with the one that is named, if it matches.
        var moment = Timestamp(milliseconds: try #require(Timestamp(text)).milliseconds - 1)
        var found: [String] = []
        while found.count < count, let next = expression.next(after: moment) {
            found.append(next.description.replacing(".000Z", with: "Z"))
            moment = next
        }
        return found
    }

    @Test func schedulesComeAsTheServerSays() throws {
        let answers = try Self.answers("schedule")
        #expect(answers.count > 400)
        for answer in answers {
            guard let next = answer.next, let after = answer.after else { continue }
            let isSame = try moments(answer.cron, after: after, count: max(next.count, 1)) == next
            let isToBe = Self.differences[answer.cron]?.contains(after) != true
            #expect(isSame == isToBe, "\(answer.cron), after \(after)")
        }
    }

    @Test func workflowsComeAsTheServerSays() throws {
        let answers = try Self.answers("workflow")
        #expect(answers.count > 150)
        for answer in answers {
            guard !answer.cron.isEmpty, let backoff = answer.backoff, let after = try answer.after.map({ try #require(Timestamp($0)) })
            else { continue }
            let next = try #require(try CronExpression(answer.cron, .workflow).next(after: after), "\(answer.cron)")
            // The server waits for whole seconds.
            #expect((Double((next - after).milliseconds) / 1000).rounded(.up) == backoff, "\(answer.cron), after \(after)")
        }
    }

    @Test func whatTheServerRefusesIsRefused() throws {
        for (kind, dialect) in [("schedule", CronExpression.Dialect.schedule), ("workflow", .workflow)] {
            let now = try #require(Timestamp("2027-03-01T00:00:00Z"))
            for answer in try Self.answers(kind) where answer.refused != nil {
                let next = Result { try CronExpression(answer.cron, dialect).next(after: now) }
                let isRefused = (try? next.get() ?? nil) == nil
                #expect(isRefused, "\(kind) '\(answer.cron)': the server says \(answer.refused ?? "")")
            }
        }
    }
}
