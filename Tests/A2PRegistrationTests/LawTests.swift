import A2PLegacy
import A2PRegistration
import Events
import Foundation
import LegacyStateMachine
import Outcomes
import Testing

@Suite struct SweepLawTests {
    /// Where somebody waits for the customer, or for nobody: a rejected registration rests, a boundary goes on at once.
    private static let resting: Set<RegistrationState> = [
        .INTAKE_REJECTED, .PROFILE_REJECTED, .USECASE_NOT_QUALIFIED, .CONTENT_REJECTED, .CNP_DECLINED, .MNO_REJECTED,
    ]

    @Test func everyStateThatWaitsIsSwept() {
        let swept = Set(A2PMachine.sweeper.rules.flatMap(\.states))
        for state in RegistrationState.allCases where !A2PMachine.machine.final.contains(state) && !Self.resting.contains(state) {
            #expect(swept.contains(state), "\(state.rawValue) is looked at by nobody")
        }
    }

    @Test func everyPollIsAnswered() {
        for rule in A2PMachine.sweeper.rules {
            for state in rule.states {
                #expect(A2PMachine.machine.handles(rule.timer.emits, in: state), "\(rule.timer.name) in \(state.rawValue)")
            }
        }
    }

    @Test func anActiveRegistrationIsNotPolledForEver() {
        let start = Timestamp(milliseconds: 1_772_442_000_000)
        for state in [RegistrationState.ACTIVE, .CAMPAIGN_SUSPENDED, .BRAND_UNVERIFIED] {
            var times = RecordTimes(createdAt: start, stepEnteredAt: start, lastEventAt: start, lastSweptAt: .distantPast)
            var polls = 0
            while polls < 200, let due = A2PMachine.sweeper.nextDue(for: times, in: state) {
                times.lastSweptAt = due
                polls += 1
            }
            #expect(polls < 100, "\(state.rawValue)")
        }
    }
}

@Suite struct RedactionTests {
    /// Of a free text nothing stays that can be read, and other words are another message.
    @Test func aFreeTextIsAToken() throws {
        func token(_ text: String) throws -> String {
            let body: JSONValue = ["eventType": "CAMPAIGN_SHARE_DELETE", "campaignId": "C1", "description": .string(text)]
            let message = WireMessage(source: "tcr", body: body.canonicalText, receivedAt: Timestamp(milliseconds: 1_772_442_000_000))
            guard case .event(let incoming)? = TCRDecoder().decode(message).first else { return "" }
            #expect(incoming.payload["reasons"] == (text.hasPrefix("CR4015") ? ["CR4015"] : nil))
            return try #require(incoming.payload["description"]?.string)
        }
        let token1 = try token("CR4015; ask Ada Example")
        #expect(token1.hasPrefix("text-") && !token1.contains("Ada"))
        #expect(try token1 == token("CR4015; ask Ada Example") && token1 != token("CR4015; ask Bob Example") && token1 != token("Ada"))
    }

    @Test(arguments: [
        "+1 202 555 0123", "(202) 555 0123", "202.555.0123", "202-555-0123", "202/555/0123", "2025550123", "+1(202)555-0123", "555-0123",
        "２０２５５５０１２３", "٢٠٢٥٥٥٠١٢٣", "202\u{00A0}555\u{2011}0123", "2\u{200B}0\u{200B}2\u{2060}5550123", "2 0 2 5 5 5 0 1 2 3",
        "202 - 555 - 0123", "00-0001234", "00 0001234", "202\t555\n0123", "tel:+12025550123", "202–555–0123", "20_25_55_01_23",
    ]) func numbersInAnyNotation(number: String) {
        let cleaned = Redaction.clean("Call \(number) now")
        #expect(cleaned.contains("[number]"), "\(cleaned)")
        #expect(cleaned.unicodeScalars.count { $0.properties.numericType != nil } == 0, "\(cleaned)")
        #expect(cleaned.hasPrefix("Call") && cleaned.hasSuffix("now"))
    }

    @Test(arguments: [
        "desk@example.test", "desk＠example.test", "desk at example.test", "desk (at) example.test", "desk[at]example.test",
        "desk @ example.test",
    ])
    func addresses(address: String) {
        let cleaned = Redaction.clean("Write to \(address), please")
        #expect(cleaned.contains("[e-mail]") && !cleaned.contains("example"), "\(cleaned)")
    }

    @Test func codesAndWordsStay() {
        #expect(Redaction.clean("CR4015; error 30893 in 2 samples") == "CR4015; error 30893 in 2 samples")
        #expect(Redaction.clean("a\u{202E}b\u{7}c") == "a b c")
        #expect(Redaction.clean(String(repeating: "x", count: 9000)).count == 512)
    }

    @Test func anOperatorsNameIsAToken() throws {
        func operatorName(_ name: String) -> String? {
            let body: JSONValue = [
                "id": "s1", "type": "support.override", "registration": "R-1", "data": ["hold": "yes", "operator": .string(name)],
            ]
            let message = WireMessage(source: "support", body: body.canonicalText, receivedAt: Timestamp(milliseconds: 1_772_442_000_000))
            guard case .event(let incoming)? = InHouseDecoder(source: "support").decode(message).first else { return nil }
            return incoming.payload["operator"]?.string
        }
        #expect(operatorName("op-1") == "op-1")
        let token = try #require(operatorName("Ada Example"))
        #expect(token.hasPrefix("operator-") && token == operatorName("Ada Example") && token != operatorName("Bob Example"))
    }
}
