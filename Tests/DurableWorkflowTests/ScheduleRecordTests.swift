import DurableWorkflow
import Events
import Testing

/// Schedules are stored as JSON; rows of an older build have fewer members.
@Suite struct ScheduleRecordTests {
    private let record = ScheduleRecord(id: "s", number: 4, schedule: Schedule(interval: .seconds(60), workflowType: "t"))

    @Test func aCountOfNoneIsNotStored() throws {
        let json = try JSONValue(encoding: record)
        #expect(json["failures"] == nil && json["held"] == nil && json["triggers"] == nil)
        #expect(try json.decoded(as: ScheduleRecord.self) == record)
    }

    @Test func countsComeBackUnderTheirNames() throws {
        var json = try JSONValue(encoding: record)
        json["failures"] = 3
        json["held"] = 2
        json["triggers"] = 5
        let found = try json.decoded(as: ScheduleRecord.self)
        #expect((found.failed, found.heldBack) == (3, 2))
        #expect(try JSONValue(encoding: found) == json)
    }
}
