import "./app.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { t } from "./lib/i18n";
import { app } from "./lib/state/app.svelte";
import { prefs } from "./lib/state/prefs.svelte";
import { router } from "./lib/state/router.svelte";
import { updates } from "./lib/state/updates.svelte";

prefs.readAddress(location.search, t("station.unnamed"));
prefs.apply();
router.start();
const target = document.getElementById("app");
if (target) mount(App, { target });
void app.start();
if (import.meta.env.PROD) void updates.register();
