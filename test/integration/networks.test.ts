import { networkCases } from '../harness/network-cases.ts';

networkCases('nspawn');
