import { askByOthers } from "./ask-by-others.ts";
import { auditCopy } from "./audit-copy.ts";
import { loseControlPlane, returnControlPlane } from "./cut-off.ts";
import { driftDevice } from "./drift.ts";
import { attachDevices, decideRequests, enrolNode, publishPolicy } from "./enrol-and-decide.ts";
import type { Report } from "./report.ts";
import type { Scene } from "./scene.ts";
import type { Stage } from "./stage.ts";
import { tryExamples } from "./worked-examples.ts";

/** The main job, end to end, with real processes, TPMs and traffic. Every check is of what really came back. */
export async function tellStory(stage: Stage, report: Report, rules: string): Promise<void> {
  await enrolNode({ stage, report });
  await publishPolicy({ stage, report, rules });
  const applications = await attachDevices(stage, report);
  const scene: Scene = { stage, report, rules, applications };
  try {
    await decideRequests(scene);
    await askByOthers(scene);
    await loseControlPlane(scene);
    await returnControlPlane(scene);
    await auditCopy(scene);
    await driftDevice(scene);
    await tryExamples(scene);
  } finally {
    for (const application of applications.values()) application[Symbol.dispose]();
  }
}
