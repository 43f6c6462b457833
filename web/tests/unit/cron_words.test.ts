import { expect, it } from "vitest";
import { cronWords } from "@/flows/cron_words";

it.each([
  ["* * * * *", "every minute, every day"],
  ["*/15 * * * *", "every 15 minutes, every day"],
  ["*/15 9-17 * * 1-5", "every 15 minutes from 9:00 to 17:59, Monday to Friday"],
  ["30 9 * * mon-fri", "at 9:30, Monday to Friday"],
  ["0 8,20 * * *", "at 8:00 and 20:00, every day"],
  ["5 * * * *", "at minute 5 of every hour, every day"],
  ["5 */6 * * 7,3", "at minute 5 of every 6 hours, Sunday and Wednesday"],
  ["0 0 1,15 * *", "at 0:00, on day 1 and 15 of the month"],
  ["0 0 1 * 5", "at 0:00, on day 1 of the month or on Friday"],
  ["0 0 1 1,7 *", "at 0:00, on day 1 of the month, in January and July"],
])("says what %s means", (cron, words) => {
  expect(cronWords(cron)).toBe(words);
});

it.each([
  "",
  "* * * *",
  "*/7 * * * *",
  "61 * * * *",
  "0 25 * * *",
  "0 0 32 * *",
  "0 0 * 13 *",
  "0 0 * * 8",
  "0 0 l * *",
  "a b c d e",
])("says nothing of %j, which it cannot tell truly", (cron) => {
  expect(cronWords(cron)).toBeNull();
});
